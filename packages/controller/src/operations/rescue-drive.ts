/** Where a rescue disk is in the guest, as its image says. */
import { rescueDriveOf } from '@gantry/guest';
import { type DiskSource, err, type NodeId, type RescueDrive } from '@gantry/model';
import type { Asking } from '../api/call.ts';
import type { Sources } from './create-sources.ts';

/** The content of an ISO image, as what a disk is made of. */
export function discAsDisk(sources: Sources): Sources {
  const { image } = sources;
  const { sha256, virtualBytes } = image?.status ?? {};
  if (image?.spec.format !== 'iso' || !sha256 || !virtualBytes) return sources;
  const id = image.id as Extract<DiskSource, { kind: 'image' }>['image'];
  return { ...sources, cds: [], content: { kind: 'image', image: id, format: 'raw', sha256, virtualBytes } };
}

/**
 * Undefined: in the place of the first disk. A CD’s system boots from a CD.
 * @throws GantryError `invalid_property`, `invalid_argument`, `not_supported`
 */
export async function rescueDrive(
  { app }: Asking,
  node: NodeId,
  { image, content }: Sources,
): Promise<RescueDrive | undefined> {
  const { properties = {}, format } = image?.spec ?? {};
  const drive = rescueDriveOf({ ...(format === 'iso' ? { hw_rescue_device: 'cdrom' } : {}), ...properties });
  if (!drive) return undefined;
  if (content.kind === 'os' || (image?.spec.boot && image.spec.boot.kernel !== 'disk'))
    throw err('invalid_argument', {
      what: `image ${image?.name} with hw_rescue_device or hw_rescue_bus`,
      wanted:
        'one whose disk can be booted: its kernel comes from the node, and finds its root on the first disk',
    });
  const host = await app.store.get('node', node);
  const { capabilities } = host?.status.facts ?? {};
  if (capabilities && !capabilities.includes('guest:rescue-drive'))
    throw err('not_supported', {
      what: `a rescue disk behind the instance’s own ones on node ${host?.name}`,
      instead: 'Its agent is older than that: install this release there.',
    });
  return drive;
}
