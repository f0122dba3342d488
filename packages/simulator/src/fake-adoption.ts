/** Domains that somebody else made, on a fake node: told of, marked, and unmarked. */
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
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
import type { FakeNode } from './fake-node.ts';

/** As somebody starts one with another tool. */
export function addForeign(node: FakeNode, uuid: string, name: string): void {
  node.domains.set(uuid, {
    uuid,
    name,
    state: 'running',
    reason: 'booted',
    domainId: node.nextDomainId++,
    memoryMiB: 256,
    disks: [],
    nics: ['52:54:00:aa:00:01'],
    tap: false,
  });
}

export function adopt(node: FakeNode, spec: GuestSpec): void {
  const domain = node.domains.get(spec.instance);
  if (!domain) throw err('not_adoptable', { name: spec.instance, node: node.name, why: 'it is not there' });
  node.guestFiles.add(spec.instance);
  domain.ours = { cluster: node.cluster, instance: spec.instance, epoch: spec.epoch };
}

export function release(node: FakeNode, instance: string): void {
  unmark(node, instance);
  node.guestFiles.delete(instance);
}

export function unmark(node: FakeNode, instance: string): void {
  delete node.domains.get(instance)?.ours;
}

const DIGEST = 'd'.repeat(64);

function inspect(node: FakeNode, ref: string): ForeignDomain {
  const domain = [...node.domains.values()].find(({ uuid, name }) => uuid === ref || name === ref);
  if (!domain) throw err('not_found', { kind: `domain on node ${node.name}`, name: ref });
  const { uuid, name, state, memoryMiB } = domain;
  return {
    uuid,
    name,
    state: state === 'shutoff' ? 'stopped' : 'running',
    definition: DIGEST,
    autostart: false,
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

/** The node's end of a call; of those that are asked only this one is simulated. */
export async function answerInspection(
  node: FakeNode,
  { tunnel, what }: TunnelRequest,
  controller: Pick<Controller, 'call'>,
  token: string,
): Promise<void> {
  if (what.kind !== 'call') return;
  const { socket } = await controller.call('tunnel', { token, params: { id: tunnel } });
  const [near, far] = duplexPair();
  far.on('error', () => undefined);
  socket?.(near);
  const [line] = (await once(far, 'data')) as [Buffer];
  far.end(`${JSON.stringify(replyTo(node, JSON.parse(line.toString()) as NodeCall))}\n`);
}

function replyTo(node: FakeNode, call: NodeCall): NodeReply {
  try {
    if (call.do !== 'domain.inspect') throw err('agent_outdated', { fields: call.do });
    return { answer: inspect(node, call.domain) };
  } catch (error) {
    return { problem: toProblem(error) };
  }
}
