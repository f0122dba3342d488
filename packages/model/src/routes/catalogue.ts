/** Routes: what instances are made from: flavors, images, networks. */
import { CreateFlavor, CreateImage, CreateNetwork, SetFlavor, SetImage, SetNetwork } from '../requests.ts';
import { Attachment } from '../resources/attachment.ts';
import { Flavor } from '../resources/flavor.ts';
import { Image } from '../resources/image.ts';
import { Network } from '../resources/network.ts';
import { strict, Type } from '../schema.ts';
import { admin, all, create, get, list, operators, Plan, planQuery, type Route, remove } from './shapes.ts';

export const catalogueRoutes = {
  listFlavors: list('/v1/flavors', 'flavors', Flavor),
  getFlavor: get('/v1/flavors', 'flavor', Flavor),
  createFlavor: create('/v1/flavors', 'flavor', CreateFlavor, Flavor, admin),
  setFlavor: {
    method: 'PATCH',
    path: '/v1/flavors/:ref',
    summary: 'set or unset extra specs',
    roles: admin,
    status: 200,
    body: SetFlavor,
    response: Flavor,
  },
  deleteFlavor: remove('/v1/flavors', 'flavor', Flavor, admin),
  listImages: list('/v1/images', 'images', Image),
  getImage: get('/v1/images', 'image', Image),
  createImage: create('/v1/images', 'image', CreateImage, Image),
  setImage: {
    method: 'PATCH',
    path: '/v1/images/:ref',
    summary: 'set or unset image properties',
    roles: operators,
    status: 200,
    body: SetImage,
    response: Image,
  },
  deleteImage: remove('/v1/images', 'image', Image),
  putImageContent: {
    method: 'PUT',
    path: '/v1/images/:ref/content',
    summary: 'upload the content',
    roles: operators,
    status: 200,
    stream: 'bytes-in',
    response: Image,
  },
  getImageContent: {
    method: 'GET',
    path: '/v1/images/:ref/content',
    summary: 'download the content',
    roles: [...all, 'agent'],
    status: 200,
    stream: 'bytes-out',
    response: Type.Unknown(),
  },
  listNetworks: list('/v1/networks', 'networks', Network),
  getNetwork: get('/v1/networks', 'network', Network),
  createNetwork: create('/v1/networks', 'network', CreateNetwork, Network, admin),
  setNetwork: {
    method: 'PATCH',
    path: '/v1/networks/:ref',
    summary: 'set uplink, VLAN, mtu, groups of nodes or addresses; its bridge and its kind stay',
    roles: admin,
    status: 200,
    query: planQuery,
    body: SetNetwork,
    response: Type.Union([Network, Plan]),
  },
  listNetworkNodes: {
    method: 'GET',
    path: '/v1/networks/:ref/nodes',
    summary: 'the network on each of its nodes, as that node reports it',
    roles: all,
    status: 200,
    response: strict({ items: Type.Array(Attachment) }),
  },
  deleteNetwork: remove('/v1/networks', 'network', Network, admin),
} as const satisfies Record<string, Route>;
