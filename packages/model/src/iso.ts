/**
 * Is a file the image of a CD or DVD? Its volume descriptors say so, never its name. Read without trust; nothing here
 * touches a file. Sources: ECMA-119 (ISO 9660) 8.1 to 8.4, ECMA-167 2/9 (the sequence that UDF begins with).
 */
import { err } from './errors.ts';

const SECTOR_BYTES = 2048;
/** The first 16 sectors are for systems: boot code, the partition tables of hybrid images. */
const FIRST_DESCRIPTOR = 16;
/** So many descriptors of a volume are looked at; real images have two to five. */
const MOST_DESCRIPTORS = 16;
const PRIMARY = 1;

/** So much of the beginning of a file is what `checkIso` wants. */
export const ISO_HEAD_BYTES = (FIRST_DESCRIPTOR + MOST_DESCRIPTORS) * SECTOR_BYTES;

export interface IsoHeader {
  kind: 'iso9660' | 'udf';
  /** Its label, where it has one that can be shown. */
  label?: string;
}

/** Formats of disks by what they begin with: a file that is one of them and a CD at once means to deceive. */
const otherFormats: readonly (readonly [name: string, at: number, magic: string])[] = [
  ['qcow2', 0, 'QFI\u00fb'],
  ['VMDK', 0, 'KDMV'],
  ['VMDK', 0, 'COWD'],
  ['VMDK', 0, '# Disk DescriptorFile'],
  ['VHDX', 0, 'vhdxfile'],
  ['VHD', 0, 'conectix'],
  ['VDI', 64, '\u007f\u0010\u00da\u00be'],
  ['QED', 0, 'QED\u0000'],
  ['LUKS', 0, 'LUKS\u00ba\u00be'],
  ['Parallels', 0, 'WithoutFreeSpace'],
  ['Parallels', 0, 'WithouFreSpacExt'],
];

/**
 * @param head the first ISO_HEAD_BYTES of the file, or all of a shorter one
 * @param sizeBytes of the whole file
 * @throws GantryError `image_unsafe`
 */
export function checkIso(head: Uint8Array, sizeBytes: number): IsoHeader {
  const bytes = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const other = otherFormats.find(([, at, magic]) => textAt(bytes, at, magic.length) === magic);
  if (other) throw refused(`it is a ${other[0]} file and no plain image of a CD`);
  const places = Array.from(
    { length: MOST_DESCRIPTORS },
    (_, index) => (FIRST_DESCRIPTOR + index) * SECTOR_BYTES,
  );
  const primary = places.find((at) => idAt(bytes, at) === 'CD001' && bytes.getUint8(at) === PRIMARY);
  if (primary !== undefined) return primaryVolume(bytes, primary, sizeBytes);
  if (places.some((at) => ['NSR02', 'NSR03'].includes(idAt(bytes, at)))) return { kind: 'udf' };
  throw refused('it is no image of a CD or DVD: neither ISO 9660 nor UDF is found in it');
}

function primaryVolume(bytes: DataView, at: number, sizeBytes: number): IsoHeader {
  if (bytes.byteLength < at + SECTOR_BYTES) throw refused('it ends within its volume descriptor');
  const version = bytes.getUint8(at + 6);
  if (version !== 1) throw refused(`version ${version} of its volume descriptor is unknown`);
  const blockBytes = bytes.getUint16(at + 128, true);
  if (![512, 1024, 2048].includes(blockBytes)) throw refused(`its blocks of ${blockBytes} bytes are none`);
  const blocks = bytes.getUint32(at + 80, true);
  if (blocks !== bytes.getUint32(at + 84)) throw refused('its volume descriptor tells two sizes');
  if (blocks === 0) throw refused('it describes an empty volume');
  if (blocks * blockBytes > sizeBytes)
    throw refused(`it is cut off: its volume has ${blocks * blockBytes} bytes, the file ${sizeBytes}`);
  const label = textAt(bytes, at + 40, 32).trimEnd();
  return { kind: 'iso9660', ...(/^[\u0020-\u007e]+$/.test(label) ? { label } : {}) };
}

const idAt = (bytes: DataView, at: number): string => textAt(bytes, at + 1, 5);

/** Latin-1; shorter where the bytes end. */
function textAt(bytes: DataView, at: number, length: number): string {
  const end = Math.min(bytes.byteLength, at + length);
  let text = '';
  for (let place = at; place < end; place++) text += String.fromCharCode(bytes.getUint8(place));
  return text;
}

const refused = (why: string) => err('image_unsafe', { why });
