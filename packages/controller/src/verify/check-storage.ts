/** Whether the bytes of disks are where the store says, and what lies there that it does not know. */
import { formatBytes, type NodeLook, operationEnded } from '@gantry/model';
import { about, type Check, type Facts, type Found } from './facts.ts';

/** Below this share of a storage new disks soon find no room. */
const NEARLY_FULL = 0.05;

export const disks: Check = (facts) =>
  facts.nodes.flatMap((node) => {
    const look = facts.looks.get(node.id)?.look;
    if (!look) return [];
    return [...missing(facts, node.id, look), ...baseless(facts, look), ...strange(facts, node, look)];
  });

function missing({ replicas, disks: all, instances, moving }: Facts, node: string, look: NodeLook): Found[] {
  const there = new Set(look.disks.filter(({ state }) => state === 'ready').map(({ disk }) => disk));
  return replicas.flatMap(({ id, spec, status }) => {
    if (spec.node !== node || spec.what !== 'disk' || spec.desired !== 'present') return [];
    const lost = status.state === 'failed' || (status.state === 'ready' && !there.has(spec.disk));
    if (!lost || moving.has(id) || moving.has(spec.disk)) return [];
    const disk = all.find((one) => one.id === spec.disk);
    const owner = instances.find((one) => one.id === disk?.spec.instance);
    if (!disk || (owner && moving.has(owner.id))) return [];
    return [
      about(
        'error',
        disk,
        status.error?.title ?? `its file is gone: ${status.path}`,
        'Look whether its storage is mounted; otherwise restore it from a backup. The guest is not started without it.',
      ),
    ];
  });
}

/** QEMU does not open an overlay without its base. */
const baseless = ({ disks: all, moving }: Facts, look: NodeLook): Found[] =>
  look.disks.flatMap(({ disk: id, lacks }) => {
    const disk = all.find((one) => one.id === id);
    if (!disk || lacks === undefined || moving.has(id)) return [];
    return [
      about(
        'error',
        disk,
        `it stands on ${lacks}, which is not there`,
        'Copy that file from another node or a backup: its name is the SHA-256 of its content. While its image is there the agent makes it anew.',
      ),
    ];
  });

function strange(facts: Facts, node: { kind: string; name: string; id: string }, look: NodeLook): Found[] {
  const known = new Set(
    facts.replicas.flatMap(({ spec }) =>
      spec.node === node.id && spec.what === 'disk' ? [spec.disk as string] : [],
    ),
  );
  const open = new Set(
    facts.operations.filter(({ status }) => !operationEnded(status.state)).map(({ id }) => id as string),
  );
  return look.disks.flatMap(({ disk, state, path, operation }) => {
    if (facts.moving.has(disk) || (operation && (open.has(operation) || facts.moving.has(operation))))
      return [];
    if (known.has(disk)) return [];
    const half = state === 'creating' ? ', half made,' : '';
    return [
      about(
        'warning',
        node,
        `${path} is a disk of this cluster${half} that nothing here knows of`,
        'It is left alone. Keep it if a backup of the store is to be restored; else remove the file.',
      ),
    ];
  });
}

/** Whether the file systems of storage are there, and have room. */
export const storages: Check = ({ nodes, looks }) =>
  nodes.flatMap((node) =>
    (looks.get(node.id)?.look.storages ?? []).flatMap(({ name, path, totalBytes, freeBytes, fault }) => {
      if (fault !== undefined)
        return [
          about(
            'error',
            node,
            `storage ${name} is not what it was: ${fault}`,
            `Mount it at ${path} on ${node.name}: its disks are there again, and nothing was written in between.`,
          ),
        ];
      if (freeBytes >= totalBytes * NEARLY_FULL) return [];
      return [
        about(
          'warning',
          node,
          `storage ${name} (${path}) has only ${formatBytes(freeBytes)} left`,
          'Delete or move guests, or enlarge it: a full one stops guests that write.',
        ),
      ];
    }),
  );

/** Promises that a node cannot keep. */
export const capacity: Check = ({ nodes, guests }) =>
  nodes.flatMap((node) => {
    const { facts } = node.status;
    const promisedMiB = guests
      .filter(({ spec }) => spec.node === node.id && !spec.remove)
      .reduce((sum, { spec }) => sum + (spec.reserved?.memoryMiB ?? spec.input.memoryMiB), 0);
    if (!facts || promisedMiB <= facts.memoryMiB) return [];
    return [
      about(
        'error',
        node,
        `its guests are promised ${formatBytes(promisedMiB * 2 ** 20)} of memory, it has ${formatBytes(facts.memoryMiB * 2 ** 20)}`,
        'Move or stop some of them: not all of them can run.',
      ),
    ];
  });
