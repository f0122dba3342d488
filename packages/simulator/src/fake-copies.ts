/** Copies of disks on one fake node: what they hold is what their sources held. */
import type { ActionOf } from '@gantry/agent';
import { err } from '@gantry/model';
import type { FakeDisk, FakeNode } from './fake-node.ts';

/** Nothing may write to the source meanwhile. */
export function contentFor(node: FakeNode, { spec }: ActionOf<'disk.create'>): string | undefined {
  const { copy } = spec;
  if (!copy) return undefined;
  const from = node.disks.get(copy.from);
  if (from?.state !== 'ready') throw err('disk_gone', { disk: copy.from, path: 'its storage' });
  const open = [...node.domains.values()].find((d) => d.state !== 'shutoff' && d.disks.includes(copy.from));
  if (open) node.world.violations.push(`disk ${copy.from} was copied while ${open.name} had it open`);
  expectCopy(node, copy.from, spec.disk);
  return from.content;
}

function expectCopy({ world }: FakeNode, from: string, to: string): void {
  const written = world.written.get(from);
  if (written !== undefined) world.written.set(to, written);
}

/** Killed in the middle: QEMU writes, the guest may hang. */
export function copying(node: FakeNode, { spec }: ActionOf<'guest.copy'>): void {
  const { copies } = spec;
  requireRunning(node, spec.instance);
  const files = copies.disks.flatMap(({ from, to }) => {
    const source = node.disks.get(from);
    return source ? [copyOf(source, to, copies.operation)] : [];
  });
  for (const file of files) node.disks.set(file.disk, file);
  node.copies.set(spec.instance, {
    operation: copies.operation,
    disks: [...copies.disks],
    frozen: copies.freeze,
  });
}

export function copied(node: FakeNode, action: ActionOf<'guest.copy'>): void {
  endCopy(node, action.spec.instance);
  copying(node, action);
  for (const { from, to } of action.spec.copies.disks) {
    const { operation: _, ...file } = node.disks.get(to) as FakeDisk;
    node.disks.set(to, { ...file, state: 'ready', path: `/disks/${to}.ready` });
    expectCopy(node, from, to);
  }
  node.copies.delete(action.spec.instance);
}

export function endCopy(node: FakeNode, instance: string): void {
  for (const { to } of node.copies.get(instance)?.disks ?? [])
    if (node.disks.get(to)?.state === 'creating') node.disks.delete(to);
  node.copies.delete(instance);
}

function requireRunning(node: FakeNode, instance: string): void {
  const state = node.domains.get(instance)?.state;
  if (state !== 'running' && state !== 'paused') throw err('copy_failed', { why: 'it does not run' });
}

const copyOf = ({ received: _, ...source }: FakeDisk, to: string, operation: string): FakeDisk => ({
  ...source,
  disk: to,
  state: 'creating',
  path: `/disks/${to}.creating`,
  operation,
});
