/** Contents of images: at the controller, and as bases on nodes. */
import type { Node, NodeLook, Replica } from '@gantry/model';
import { about, type Check, type Facts, type Found } from './facts.ts';

export const images: Check = (facts) => [
  ...lost(facts),
  ...facts.nodes.flatMap((node) => {
    const look = facts.looks.get(node.id)?.look;
    return look ? [...missing(facts, node, look), ...strange(facts, node, look)] : [];
  }),
];

/** Nodes that have it as a base go on with it; others cannot get it. */
const lost = ({ images: all, lost: gone, moving }: Facts): Found[] =>
  all
    .filter(({ id, status }) => status.sha256 !== undefined && gone.has(status.sha256) && !moving.has(id))
    .map((image) =>
      about(
        'error',
        image,
        `its content (SHA-256 ${image.status.sha256}) is gone from the controller`,
        'Import the same file once more under another name: images of equal content share it. Then delete that other one.',
      ),
    );

const basesOn = ({ replicas }: Facts, node: Node): Replica[] =>
  replicas.filter(({ spec }) => spec.node === node.id && spec.what === 'base');

function missing(facts: Facts, node: Node, look: NodeLook): Found[] {
  const there = new Set(look.bases.map(({ sha256 }) => sha256));
  return basesOn(facts, node).flatMap(({ id, spec, status }) => {
    const image = spec.what === 'base' ? facts.images.find((one) => one.id === spec.image) : undefined;
    if (spec.what !== 'base' || !image || spec.desired !== 'present' || facts.moving.has(id)) return [];
    if (status.state !== 'failed' && (status.state !== 'ready' || there.has(spec.sha256))) return [];
    const why = status.error ? `: ${status.error.title}` : '';
    return [
      about(
        'error',
        image,
        `node ${node.name} has not got its base${why}`,
        'Its agent fetches it again by itself; guests made of it wait for that.',
      ),
    ];
  });
}

/** Of an image that was deleted, or that a restored store does not know. */
function strange(facts: Facts, node: Node, look: NodeLook): Found[] {
  const known = new Set(
    basesOn(facts, node).flatMap(({ spec }) => (spec.what === 'base' ? [spec.sha256] : [])),
  );
  return look.bases
    .filter(({ sha256 }) => !known.has(sha256))
    .map(({ path, users = [] }) =>
      about(
        'warning',
        node,
        `${path} is the base of no image here${users.length > 0 ? `, and ${users.length} disks stand on it` : ', and no disk stands on it'}`,
        users.length > 0
          ? 'Leave it: without it these disks are lost.'
          : `Nobody uses it. If no backup of the store is to be restored: remove it on ${node.name}.`,
      ),
    );
}
