/** Files of disks on a fake node: one for each id. */
import { type ActionOf, ticketMark } from '@gantry/agent';
import { contentFor } from './fake-copies.ts';
import type { FakeDisk, FakeNode } from './fake-node.ts';

/** A disk that guests have written to is never made anew. */
export function makeDisk(node: FakeNode, action: ActionOf<'disk.create'>): void {
  const { disk: id } = action.spec;
  if (node.disks.get(id)?.state === 'ready') return;
  if (node.world.written.has(id)) node.world.violations.push(`disk ${id} was made anew on ${node.name}`);
  node.disks.set(id, disk(action, 'ready', contentFor(node, action)));
}

/** Beside what is left of another age. */
export function beginDisk({ disks }: FakeNode, action: ActionOf<'disk.create' | 'disk.receive'>): void {
  const leftover = action.do === 'disk.receive' && disks.get(action.spec.disk)?.state === 'ready';
  if (!leftover) disks.set(action.spec.disk, disk(action, 'creating'));
}

export function removeDisk({ disks }: FakeNode, { spec }: ActionOf<'disk.remove'>): void {
  const there = disks.get(spec.disk);
  const another = spec.receive && there?.state === 'ready' && there.received !== ticketMark(spec.receive);
  if (!another) disks.delete(spec.disk);
}

export function growDisk({ disks }: FakeNode, action: ActionOf<'disk.grow'>): void {
  const there = disks.get(action.spec.disk);
  const grown = disk(action, 'ready', there?.content);
  disks.set(grown.disk, { ...grown, ...(there?.received ? { received: there.received } : {}) });
}

export function disk(
  action: ActionOf<'disk.create' | 'disk.receive' | 'disk.grow'>,
  state: 'creating' | 'ready',
  content = 'new',
): FakeDisk {
  const { disk: id, template, operation, sizeBytes } = action.spec;
  return {
    disk: id,
    state,
    template,
    path: `/disks/${id}.${state}`,
    sizeBytes,
    content,
    ...(state === 'creating' ? { operation } : {}),
  };
}
