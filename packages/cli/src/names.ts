/** Names that exist in the cluster, for completion. */
import type { RouteName } from '@gantry/model';
import type { Argument, Complete } from './verb.ts';

type ListRoute = Extract<
  RouteName,
  | 'listInstances'
  | 'listFlavors'
  | 'listImages'
  | 'listNetworks'
  | 'listNodes'
  | 'listGroups'
  | 'listProjects'
  | 'listTokens'
  | 'listUsers'
  | 'listDisks'
>;

const named =
  (route: ListRoute): Complete =>
  async ({ client }, before) => {
    const { items } = await client.call(route, { query: { limit: 1000 } });
    return items.map((item) => item.name).filter((name) => !before.includes(name));
  };

export const instanceNames = named('listInstances');
export const flavorNames = named('listFlavors');
export const imageNames = named('listImages');
/** Of those that fit into a CD drive. */
export const isoNames: Complete = async ({ client }) => {
  const { items } = await client.call('listImages', { query: { limit: 1000 } });
  return items.flatMap(({ name, spec }) => (spec.format === 'iso' ? [name] : []));
};
export const networkNames = named('listNetworks');
export const groupNames = named('listGroups');
export const nodeNames = named('listNodes');
export const projectNames = named('listProjects');
export const tokenNames = named('listTokens');
export const userNames = named('listUsers');

export const diskNames = named('listDisks');
/** By their places: `web1:0`. */
export const diskPlaces: Complete = async ({ client }) => {
  const [{ items: disks }, { items: instances }] = await Promise.all([
    client.call('listDisks', { query: { limit: 1000 } }),
    client.call('listInstances', { query: { limit: 1000 } }),
  ]);
  return disks.map(({ name, spec }) => {
    const holder = instances.find(({ id }) => id === spec.instance);
    return holder ? `${holder.name}:${spec.index}` : name;
  });
};

export const operationNumbers: Complete = async ({ client }) => {
  const { items } = await client.call('listOperations', { query: { limit: 20 } });
  return items.map(({ spec }) => [String(spec.number), `${spec.kind} ${spec.target.name}`] as const);
};

export const instanceArgument: Argument = {
  name: 'NAME',
  description: 'name or id of the instance',
  complete: instanceNames,
};
export const instancesArgument: Argument = {
  name: 'NAME...',
  description: 'names or ids of instances',
  complete: instanceNames,
};
export const operationArgument: Argument = {
  name: 'OP',
  description: 'number or id of the operation',
  complete: operationNumbers,
};
