/** `?plan=true` where cluster, groups, nodes and networks are set: what changes, from what to what, and what follows of it. */
import { isDeepStrictEqual } from 'node:util';
import { settingApplies } from '@gantry/guest';
import type { Cluster, Group, Network, Node } from '@gantry/model';
import { isConnected } from '../operations/attachments.ts';
import type { Store } from '../store/store.ts';

/** One that is left to what is inherited, or to the default, has no text. */
export interface Difference {
  setting: string;
  from: string | undefined;
  to: string | undefined;
  /** As it will be. */
  value: unknown;
}

/** Leaves that differ, by their paths. Pure. */
export function differences(before: object, after: object, under = ''): Difference[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
  return keys.flatMap((key): Difference[] => {
    const [was, is] = [valueAt(before, key), valueAt(after, key)];
    if (isDeepStrictEqual(was, is)) return [];
    if (isMap(was ?? {}) && isMap(is ?? {})) return differences(was ?? {}, is ?? {}, `${under}${key}.`);
    return [{ setting: `${under}${key}`, from: textOf(was), to: textOf(is), value: is }];
  });
}

const valueAt = (map: object, key: string): object | undefined =>
  (map as Record<string, object | undefined>)[key];
const isMap = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function textOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  return value.map(textOf).join(' ') || 'none';
}

const lineOf = ({ setting, from = 'unset', to = 'unset' }: Difference): string =>
  `${setting}: ${from} -> ${to}`;

/** What guests and nodes inherit. */
export async function policyPlan<R extends Cluster | Group>(
  store: Store,
  before: R,
  after: R,
): Promise<string[]> {
  const [guest, host] = (['guest', 'host'] as const).map((part) =>
    differences(before.spec[part] ?? {}, after.spec[part] ?? {}, `${part}.`),
  );
  const nodes = (await store.list('node')).items.filter(
    ({ spec }) => before.kind === 'cluster' || spec.group === before.id,
  );
  return [
    ...(guest ?? []).map((one) => `${lineOf(one)}; ${whenGuests(one)}`),
    ...(guest?.length ? [await heirs(store, before, nodes)] : []),
    ...(host ?? []).map(lineOf),
    ...(host?.length ? [`for ${names(nodes, 'node')}, where it says nothing itself: ${hostFollows}`] : []),
  ];
}

const hostFollows =
  'guests that are started from then on get accordingly; those that run keep what they have';

function whenGuests({ setting, value }: Difference): string {
  const { applies, why } = settingApplies(setting.replace('guest.', ''), value);
  return applies === 'live' ? `at once: ${why}` : `guests that run get it with their next start: ${why}`;
}

async function heirs(store: Store, { kind }: Cluster | Group, nodes: readonly Node[]): Promise<string> {
  const ids = new Set<string>(nodes.map(({ id }) => id));
  const { items } = await store.list('instance');
  const there = items.filter(({ status }) => kind === 'cluster' || ids.has(status.node ?? ''));
  return `inherited by ${names(there, 'instance')}, where nothing nearer says otherwise`;
}

/** Guests that are there stay, whatever is set. */
export async function nodePlan(store: Store, before: Node, after: Node): Promise<string[]> {
  const host = differences(before.spec.host ?? {}, after.spec.host ?? {}, 'host.');
  const [was, is] = [before.spec.role, after.spec.role];
  return [
    ...(was === is ? [] : [`role: ${was} -> ${is}; ${roleFollows[is]}`]),
    ...(was === is || is === 'active' ? [] : await stayers(store, before)),
    ...(await groupChange(store, before, after)),
    ...host.map(lineOf),
    ...(host.length > 0 ? [hostFollows] : []),
  ];
}

const roleFollows = {
  active: 'it takes guests',
  drained: 'it takes no new guests',
  offline: 'it counts as switched off: it takes no new guests, and nobody waits for its word',
} as const;

/** As it is with both roles: an instance is bound to its node until it is moved, or the node's agent says that it is gone. */
async function stayers(store: Store, { id }: Node): Promise<string[]> {
  const bound = (await store.list('instance')).items.filter(({ status }) => status.node === id);
  const states = bound.map(({ name, status }) => ({ name: `${name} (${status.state})` }));
  return [`bound to it, and started nowhere else: ${names(states, 'instance')}; what runs goes on`];
}

async function groupChange(store: Store, before: Node, after: Node): Promise<string[]> {
  if (before.spec.group === after.spec.group) return [];
  const [from, to] = [
    await store.get('group', before.spec.group),
    await store.get('group', after.spec.group),
  ];
  const { items: networks } = await store.list('network');
  const had = networks.filter((network) => isConnected(network, before.spec.group));
  const has = networks.filter((network) => isConnected(network, after.spec.group));
  const goes = had.filter((network) => !has.includes(network));
  const comes = has.filter((network) => !had.includes(network));
  return [
    `group: ${from?.name} -> ${to?.name}; guests on it inherit from that group then`,
    ...(goes.length > 0 ? [`no longer on it: ${names(goes, 'network')}`] : []),
    ...(comes.length > 0 ? [`on it from then on: ${names(comes, 'network')}`] : []),
  ];
}

/** Those of a network that its nodes have to follow. */
const wiring = ['uplink', 'vlan', 'mtu', 'groups'];

export async function networkPlan(store: Store, before: Network, after: Network): Promise<string[]> {
  const groups = new Map<string, string>((await store.list('group')).items.map(({ id, name }) => [id, name]));
  const named = ({ spec }: Network) => ({
    ...spec,
    ...(spec.groups ? { groups: spec.groups.map((id) => groups.get(id) ?? id) } : {}),
  });
  const changes = differences(named(before), named(after));
  const rewired = changes.some(({ setting }) => wiring.includes(setting));
  const nodes = (await store.list('node')).items.filter(
    ({ spec }) => isConnected(before, spec.group) || isConnected(after, spec.group),
  );
  const users = (await store.list('instance')).items.filter(({ spec }) =>
    spec.nics.some((nic) => nic.network === before.id),
  );
  return [
    ...changes.map(lineOf),
    ...(rewired
      ? [`wired anew on ${names(nodes, 'node')}; one that loses the controller by it takes it back`]
      : []),
    ...(changes.length > (rewired ? 1 : 0) && users.length > 0
      ? [`addresses that are in use are kept: ${names(users, 'instance')}`]
      : []),
  ];
}

/** `3 instances (a, b, c)`; of many the first. */
function names(all: readonly { name: string }[], noun: string): string {
  const some = all.slice(0, 8).map(({ name }) => name);
  const more = all.length > some.length ? ` and ${all.length - some.length} more` : '';
  const count = `${all.length === 0 ? 'no' : all.length} ${noun}${all.length === 1 ? '' : 's'}`;
  return all.length === 0 ? count : `${count} (${some.join(', ')}${more})`;
}
