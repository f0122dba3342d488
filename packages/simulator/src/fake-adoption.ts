/** Domains that somebody else made, on a fake node: told of, marked, and unmarked. */
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import type { Action } from '@gantry/agent';
import type { Controller } from '@gantry/controller';
import {
  err,
  type ForeignDomain,
  type GuestSpec,
  type NodeCall,
  type NodeReply,
  type TunnelRequest,
  toProblem,
} from '@gantry/model';
import { type FakeDomain, type FakeNode, shutOff } from './fake-node.ts';

/** As somebody starts one with another tool; started by libvirt when the node boots. */
export function addForeign(node: FakeNode, uuid: string, name: string): void {
  node.domains.set(uuid, {
    uuid,
    name,
    state: 'running',
    reason: 'booted',
    domainId: node.nextDomainId++,
    memoryMiB: 256,
    disks: [],
    nics: [`52:54:00:aa:00:${uuid.slice(-2)}`],
    tap: false,
    autostart: true,
    drives: new Map(),
  });
}

export function adopt(node: FakeNode, spec: GuestSpec): void {
  const domain = node.domains.get(spec.instance);
  if (!domain) throw err('not_adoptable', { name: spec.instance, node: node.name, why: 'it is not there' });
  beginAdopting(node, spec);
  domain.ours = { cluster: node.cluster, instance: spec.instance, epoch: spec.epoch };
}

/** The record comes first, and the mark last. */
export function beginAdopting(node: FakeNode, { instance, adopt: found }: GuestSpec): void {
  const domain = node.domains.get(instance);
  if (!domain) return;
  node.guestFiles.add(instance);
  node.records.set(instance, { ...domain, autostart: found?.autostart === true });
  domain.autostart = false;
}

/** What a domain without mark is: somebody else's. */
export function guardForeign(node: FakeNode, action: Action): void {
  const domain = 'instance' in action && node.domains.get(action.instance);
  if (domain && !domain.ours && action.do !== 'filter.remove')
    node.world.violations.push(`${action.do} of ${domain.name} on ${node.name}, which is not ours`);
}

export function release(node: FakeNode, instance: string): void {
  unmark(node, instance);
  node.guestFiles.delete(instance);
  node.records.delete(instance);
}

/** What was taken away is given back before the mark goes. */
export function unmark(node: FakeNode, instance: string): void {
  const domain = node.domains.get(instance);
  const record = node.records.get(instance);
  if (!domain || !record) return;
  domain.autostart = record.autostart === true;
  delete domain.ours;
}

/** What libvirt has of it, as it stands; one that was undefined by hand as it was known last. @throws GantryError `guest_refused` */
export function kept(node: FakeNode, { instance, epoch }: GuestSpec): FakeDomain {
  const known = node.domains.get(instance);
  const record = node.records.get(instance);
  if (!known && !record) throw err('guest_refused', { why: 'its definition in libvirt is gone' });
  const domain = known ?? ({ ...record, autostart: false } as FakeDomain);
  if (!known) shutOff(domain, 'unknown');
  domain.ours = { cluster: node.cluster, instance, epoch };
  node.guestFiles.add(instance);
  node.domains.set(instance, domain);
  return domain;
}

const DIGEST = 'd'.repeat(64);

function inspect(node: FakeNode, ref: string): ForeignDomain {
  const domain = [...node.domains.values()].find(({ uuid, name }) => uuid === ref || name === ref);
  if (!domain)
    throw err('not_found', { kind: 'domain', name: `${ref} on node ${node.name}`, node: node.name });
  const { uuid, name, state, memoryMiB } = domain;
  return {
    uuid,
    name,
    state: state === 'shutoff' ? 'stopped' : 'running',
    definition: DIGEST,
    autostart:
      domain.autostart === true || (domain.ours !== undefined && node.records.get(uuid)?.autostart === true),
    snapshots: 0,
    vcpus: 1,
    memoryMiB,
    disks: [{ target: 'vda', device: 'disk', source: `/srv/${uuid}.img`, shared: false }],
    nics: domain.nics.map((mac) => ({ mac, source: 'network default' })),
    pciDevices: [],
    kept: [],
    addresses: [],
    waiting: [],
    obstacles: [],
  };
}

/** The node's end of a call. */
export async function answerCall(
  node: FakeNode,
  { tunnel, what }: TunnelRequest,
  controller: Pick<Controller, 'call'>,
  token: string,
  beTold: (call: Extract<NodeCall, { do: 'node.leave' }>) => Promise<void>,
): Promise<void> {
  if (what.kind !== 'call') return;
  const { socket } = await controller.call('tunnel', { token, params: { id: tunnel } });
  const [near, far] = duplexPair();
  far.on('error', () => undefined);
  socket?.(near);
  const [line] = (await once(far, 'data')) as [Buffer];
  const reply = await replyTo(node, JSON.parse(line.toString()) as NodeCall, beTold);
  far.end(`${JSON.stringify(reply)}\n`);
}

/** Of those that are asked only these are simulated. */
async function replyTo(
  node: FakeNode,
  call: NodeCall,
  beTold: Parameters<typeof answerCall>[4],
): Promise<NodeReply> {
  try {
    if (call.do === 'node.leave') {
      await beTold(call);
      return { answer: {} };
    }
    if (call.do !== 'domain.inspect') throw err('agent_outdated', { fields: call.do });
    return { answer: inspect(node, call.domain) };
  } catch (error) {
    return { problem: toProblem(error) };
  }
}
