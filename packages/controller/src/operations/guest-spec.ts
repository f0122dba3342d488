/** From an instance and all that it inherits from to the spec of its binding. */

import { lifePolicy } from '@gantry/guest';
import {
  err,
  type GuestCd,
  type GuestInput,
  type GuestNic,
  type GuestSpec,
  type Image,
  type Instance,
  type InstanceSpec,
  type Network,
  type NodeId,
  roomOf,
  type Subnet6,
} from '@gantry/model';
import type { Kinds } from '../kinds.ts';
import type { Store } from '../store/store.ts';
import { guestDisks } from './guest-disks.ts';
import { guestCds } from './media.ts';

/** What an instance inherits from. */
export interface Ancestry {
  cluster: Kinds['cluster'];
  /** Once there is one. */
  node: NodeId | undefined;
  /** Of the node. */
  group: Kinds['group'] | undefined;
  image: Image | undefined;
  networks: Network[];
  disks: Kinds['disk'][];
  cds: GuestCd[];
}

export async function readAncestry(
  store: Store,
  instance: Pick<Instance, 'id' | 'spec'>,
  node: NodeId | undefined,
  madeNow?: Kinds['disk'][],
): Promise<Ancestry> {
  const cluster = await theCluster(store);
  const host = node && (await store.get('node', node));
  const group = host ? await store.get('group', host.spec.group) : undefined;
  const networks: Network[] = [];
  for (const nic of instance.spec.nics) {
    const network = await store.get('network', nic.network);
    if (network) networks.push(network);
  }
  const disks = madeNow ?? (await store.list('disk', { owner: instance.id })).items;
  const image = instance.spec.image && (await store.get('image', instance.spec.image));
  const cds = await guestCds(store, instance.spec.cds);
  return { cluster, node, group, image: image || undefined, networks, disks, cds };
}

/** @throws GantryError `not_found` before `cluster init` */
export async function theCluster(store: Store): Promise<Kinds['cluster']> {
  const cluster = (await store.list('cluster')).items[0];
  if (!cluster) throw err('not_found', { kind: 'cluster', name: 'of this server' });
  return cluster;
}

export function guestInput(instance: Pick<Instance, 'name' | 'spec'>, ancestry: Ancestry): GuestInput {
  const { name, spec } = instance;
  const { cluster, node, group, networks, disks, image, cds } = ancestry;
  const input: GuestInput = {
    name,
    vcpus: spec.vcpus,
    memoryMiB: spec.memoryMiB,
    ...roomOf(spec),
    extraSpecs: spec.extraSpecs ?? {},
    imageProperties: spec.imageProperties ?? {},
    policies: [
      { level: 'cluster' as const, from: cluster.name, policy: cluster.spec.guest ?? {} },
      { level: 'instance' as const, from: name, policy: spec.guest ?? {} },
    ],
    boot: spec.rescue?.boot ?? spec.boot,
    disks: guestDisks(spec, disks).map((disk) => ({
      id: disk.id as GuestInput['disks'][number]['id'],
      template: disk.spec.template,
      sizeBytes: disk.spec.sizeBytes,
      index: disk.spec.index,
      ...(disk.spec.device ? { device: disk.spec.device } : {}),
      ...(spec.rescue?.drive && disk.id === spec.rescue.disk ? { rescue: spec.rescue.drive } : {}),
    })),
    nics: spec.nics.flatMap((nic) => {
      const network = networks.find(({ id }) => id === nic.network);
      return network ? [guestNic(nic, network)] : [];
    }),
    ...(cds.length > 0 ? { cds } : {}),
    ...(spec.bootOrder && !spec.rescue ? { bootOrder: spec.bootOrder } : {}),
    personality: spec.personality,
    cloudInit: spec.rescue?.cloudInit ?? hasCloudInit(image),
    ...(spec.variablesOf ? { variablesOf: spec.variablesOf } : {}),
    ...(spec.adopted ? { definition: 'kept' as const } : {}),
  };
  return inputOn(input, group, node);
}

/** Of an ISO image nothing is on a disk. */
export const hasCloudInit = (image: Image | undefined): boolean =>
  image?.spec.source === 'file' && image.spec.format !== 'iso';

/** What the group adds to it, on that node of it. */
export function inputOn(
  input: GuestInput,
  group: Kinds['group'] | undefined,
  node: NodeId | undefined,
): GuestInput {
  if (!group) return input;
  const { name, spec, status } = group;
  const own = { level: 'group' as const, from: name, policy: spec.guest ?? {} };
  const { cpu } = status;
  const gives = cpu && !cpu.leftOut.some((out) => out.node === node);
  const from = (wanted: string) => input.policies.filter(({ level }) => level === wanted);
  const { cpuBaseline: _, ...rest } = input;
  return {
    ...rest,
    policies: [...from('cluster'), own, ...from('instance')],
    ...(gives ? { cpuBaseline: { group: name, cpu: cpu.baseline } } : {}),
  };
}

function guestNic(nic: InstanceSpec['nics'][number], network: Network): GuestNic {
  const { subnet, subnet6, mtu } = network.spec;
  return {
    bridge: bridgeOf(network),
    mac: nic.mac,
    ...(mtu ? { mtu } : {}),
    ...(nic.ipv4 ? { ipv4: nic.ipv4 } : {}),
    ...(nic.ipv4 && nic.prefix !== undefined ? { prefix: nic.prefix } : {}),
    ...(nic.ipv4 && subnet?.gateway ? { gateway: subnet.gateway } : {}),
    ...(nic.ipv4 && subnet?.dns ? { dns: subnet.dns } : {}),
    ...ipv6Of(nic, subnet6),
    dhcp: hasDhcp(network),
    ...(nic.slot === undefined ? {} : { slot: nic.slot }),
    ...(nic.link ? { link: nic.link } : {}),
    ...(nic.model ? { model: nic.model } : {}),
    filter: nic.filter === 'off' ? 'off' : (subnet ?? subnet6) ? 'bound' : 'unbound',
    ...(nic.allow ? { allow: nic.allow } : {}),
  };
}

const ipv6Of = (
  { ipv6, prefix6 }: InstanceSpec['nics'][number],
  { gateway, dns }: Partial<Subnet6> = {},
): Pick<GuestNic, 'ipv6' | 'prefix6' | 'gateway6' | 'dns6'> =>
  ipv6 === undefined
    ? {}
    : {
        ipv6,
        ...(prefix6 === undefined ? {} : { prefix6 }),
        ...(gateway ? { gateway6: gateway } : {}),
        ...(dns ? { dns6: dns } : {}),
      };

/** Interface names have at most 15 characters. */
export const bridgeOf = (network: Network): string => network.spec.bridge ?? `gy-${network.id.slice(0, 8)}`;

export const hasDhcp = ({ spec }: Network): boolean => spec.dhcp ?? spec.mode === 'nat';

/** Settings of the binding that follow from the input; the rest is given. */
export function guestSpec(
  input: GuestInput,
  binding: Pick<GuestSpec, 'instance' | 'fit' | 'epoch' | 'power' | 'operation' | 'reserved'>,
): GuestSpec {
  const { instance, fit, epoch, power, operation, reserved } = binding;
  return {
    instance,
    node: fit.node,
    epoch,
    role: 'run',
    power,
    remove: false,
    input,
    fit,
    life: lifePolicy(input.policies),
    ...(reserved ? { reserved } : {}),
    ...(operation ? { operation } : {}),
  };
}
