/** A disk leaves its instance: it is one of its own from then on, with its bytes where they are. */
import type { Disk } from '@gantry/model';
import { nameSpace } from '../objects.ts';
import type { Draft } from '../store/batch.ts';
import type { Move } from './advance.ts';

export function freeDisk(move: Move, disk: Disk): void {
  const { instance } = move.view;
  move.draft.put(freed(move.draft, disk));
  if (!instance) return;
  const present = move.draft.current(instance);
  const disks = present.spec.disks.filter((id) => id !== disk.id);
  move.draft.put({
    ...present,
    generation: present.generation + 1,
    spec: { ...present.spec, disks },
  });
}

/** One that was made with an instance was called by its place there: it gets a name of its own. */
export function freed(draft: Draft, disk: Disk): Disk {
  const { instance: _, device: __, ...spec } = disk.spec;
  const free = {
    ...disk,
    generation: disk.generation + 1,
    spec: { ...spec, index: 0, ownedByInstance: false },
  };
  if (!disk.spec.ownedByInstance) return free;
  const name = ownName(disk);
  draft.take(nameSpace('disk', disk.project), name, disk.id);
  return { ...free, name };
}

/** The id makes it unique. */
export const ownName = ({ id }: Pick<Disk, 'id'>): string => `disk-${id.slice(0, 8)}`;
