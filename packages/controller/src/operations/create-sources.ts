/** What a request for an instance names: flavor, image, OS provider, sizes. Read and checked before anything is made. */
import {
  type CdDrive,
  type CreateInstance,
  type DiskSource,
  err,
  type Flavor,
  formatBytes,
  type Image,
  type ImageId,
  MOST_CDS,
  type OsSource,
  roomOf,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { isoImage } from './media.ts';
import { requireRoom } from './room.ts';

const MIB = 2 ** 20;

export interface Sources {
  flavor: Flavor | undefined;
  image: Image | undefined;
  vcpus: number;
  memoryMiB: number;
  room: ReturnType<typeof roomOf>;
  /** What the first disk starts with. */
  content: DiskSource;
  disks: { sizeBytes: number; template: 'file-qcow2' | 'file-raw' }[];
  cds: CdDrive[];
}

/** @throws GantryError */
export async function readSources(asking: Asking, body: CreateInstance): Promise<Sources> {
  const flavor = body.flavor === undefined ? undefined : await resolve(asking, 'flavor', body.flavor);
  const image = body.image === undefined ? undefined : await resolve(asking, 'image', body.image);
  const content = contentOf(body, image);
  const vcpus = body.vcpus ?? flavor?.spec.vcpus ?? missing('vcpus');
  const memoryMiB = body.memoryMiB ?? flavor?.spec.memoryMiB ?? missing('memoryMiB');
  requireRoom({ vcpus, memoryMiB, ...roomOf(body) });
  return {
    flavor,
    image,
    vcpus,
    memoryMiB,
    room: { ...roomOf(flavor?.spec ?? {}), ...roomOf(body) },
    content,
    disks: disksOf(body, flavor, image, content),
    cds: await cdsOf(asking, body, image),
  };
}

function missing(field: string): never {
  throw err('invalid_argument', {
    what: `a request without flavor and ${field}`,
    wanted: 'complete: name one of them',
  });
}

function contentOf(body: CreateInstance, image: Image | undefined): DiskSource {
  const os = osOf(body.os, image);
  if (os) {
    if (body.personality?.userData !== undefined) {
      const what = 'user-data for an OS provider';
      throw err('invalid_argument', { what, wanted: 'usable: only images with cloud-init read it' });
    }
    return { kind: 'os', os };
  }
  if (!image) return { kind: 'blank' };
  const { sha256, virtualBytes, state } = image.status;
  const { format } = image.spec;
  if (state !== 'ready' || !sha256 || !virtualBytes || !format)
    throw err('image_not_ready', { name: image.name });
  // As with Nova: a CD is put into a drive, and the disk beside it is empty.
  if (format === 'iso') return { kind: 'blank' };
  return {
    kind: 'image',
    image: image.id as Extract<DiskSource, { kind: 'image' }>['image'],
    format,
    sha256,
    virtualBytes,
  };
}

/** An ISO image that it is made from lies in the first. */
async function cdsOf(asking: Asking, body: CreateInstance, image: Image | undefined): Promise<CdDrive[]> {
  const own = image?.spec.format === 'iso' ? [{ image: image.id }] : [];
  const wanted = [...own, ...(body.cds ?? [])];
  if (wanted.length > MOST_CDS)
    throw err('invalid_argument', { what: `${wanted.length} CD drives`, wanted: `at most ${MOST_CDS}` });
  const drives: CdDrive[] = [];
  for (const [slot, { image: ref, ...drive }] of wanted.entries()) {
    const media = ref === undefined ? {} : { image: (await isoImage(asking, ref)).id as ImageId };
    drives.push({ slot, ...drive, ...media });
  }
  return drives;
}

/** The request may add parameters to an image's provider, not exchange it. */
function osOf(asked: OsSource | undefined, image: Image | undefined): OsSource | undefined {
  const own = image?.spec.os;
  if (!asked || !own) {
    if (asked && image) {
      const what = `os with image ${image.name}`;
      throw err('invalid_argument', { what, wanted: 'possible: the image has its own content' });
    }
    return asked ?? own;
  }
  if (asked.provider !== own.provider)
    throw err('invalid_argument', {
      what: `OS provider ${asked.provider} with image ${image.name}`,
      wanted: `the image’s own (${own.provider})`,
    });
  return { ...own, ...asked, parameters: { ...own.parameters, ...asked.parameters } };
}

function disksOf(
  body: CreateInstance,
  flavor: Flavor | undefined,
  image: Image | undefined,
  content: DiskSource,
): Sources['disks'] {
  const leastBytes = Math.max(
    (image?.spec.minDiskMiB ?? 0) * MIB,
    content.kind === 'image' ? content.virtualBytes : 0,
  );
  const wanted = body.disks ?? [undefined];
  return wanted.map((disk, index) => {
    const mib = disk?.sizeMiB ?? flavor?.spec.diskMiB;
    const sizeBytes = mib === undefined ? leastBytes : mib * MIB;
    if (sizeBytes === 0)
      throw err('invalid_argument', {
        what: 'a request without a disk size',
        wanted: 'complete: the flavor has none either',
      });
    if (index === 0 && sizeBytes < leastBytes)
      throw err('disk_too_small', { size: formatBytes(sizeBytes), needed: formatBytes(leastBytes) });
    return { sizeBytes, template: disk?.template ?? 'file-qcow2' };
  });
}
