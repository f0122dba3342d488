import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGantryError } from './errors.ts';
import { checkIso, ISO_HEAD_BYTES } from './iso.ts';

let dir: string;
let plain: Buffer;
let udf: Buffer;

/** By Debian’s own tool. */
function madeBy(...options: string[]): Buffer {
  const path = join(dir, 'made.iso');
  execFileSync('genisoimage', ['-quiet', ...options, '-o', path, join(dir, 'content')]);
  return readFileSync(path);
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-iso-'));
  writeFileSync(join(dir, 'content'), 'hello');
  plain = madeBy('-V', 'INSTALL');
  udf = madeBy('-V', 'BOTH', '-udf');
});
afterAll(() => rmSync(dir, { recursive: true }));

const check = (image: Buffer) => checkIso(image.subarray(0, ISO_HEAD_BYTES), image.length);
const PVD = 16 * 2048;
const changed = (change: (image: Buffer) => void): Buffer => {
  const image = Buffer.from(plain);
  change(image);
  return image;
};

describe('an image of a CD', () => {
  it('is known by its volume descriptor', () => {
    expect(check(plain)).toEqual({ kind: 'iso9660', label: 'INSTALL' });
    expect(check(udf)).toEqual({ kind: 'iso9660', label: 'BOTH' });
  });

  it('may begin with boot code and a partition table, as hybrid images do', () => {
    const hybrid = changed((image) => {
      image.write('\u00eb\u0063', 0, 'latin1');
      image.writeUInt16LE(0xaa55, 510);
      image.write('EFI PART', 512);
    });
    expect(check(hybrid)).toMatchObject({ kind: 'iso9660' });
  });

  it('may be UDF alone', () => {
    const image = Buffer.alloc(64 * 2048);
    for (const [index, id] of ['BEA01', 'NSR03', 'TEA01'].entries())
      image.write(`\u0000${id}\u0001`, (16 + index) * 2048, 'latin1');
    expect(check(image)).toEqual({ kind: 'udf' });
  });
});

describe('is refused', () => {
  const cases: [string, () => Buffer, string][] = [
    ['an empty file', () => Buffer.alloc(0), 'neither'],
    ['zeros', () => Buffer.alloc(100_000), 'neither'],
    ['one that only claims it by its name', () => Buffer.from('file.iso'), 'neither'],
    ['one that is cut off', () => plain.subarray(0, plain.length - 4096), 'cut off'],
    ['one that ends in its descriptor', () => plain.subarray(0, PVD + 100), 'ends within'],
    ['two sizes', () => changed((image) => image.writeUInt32BE(7, PVD + 84)), 'two sizes'],
    [
      'no size',
      () =>
        changed((image) => {
          image.fill(0, PVD + 80, PVD + 88);
        }),
      'empty volume',
    ],
    ['absurd blocks', () => changed((image) => image.writeUInt16LE(3, PVD + 128)), 'blocks of 3'],
    ['an unknown version', () => changed((image) => image.writeUInt8(9, PVD + 6)), 'version 9'],
    ['a qcow2 file as well', () => changed((image) => image.write('QFI\u00fb', 0, 'latin1')), 'qcow2'],
    ['a VMDK as well', () => changed((image) => image.write('# Disk DescriptorFile', 0)), 'VMDK'],
    ['a VDI as well', () => changed((image) => image.write('\u007f\u0010\u00da\u00be', 64, 'latin1')), 'VDI'],
  ];
  it.each(cases)('%s', (_, image, why) => {
    expect(() => check(image())).toThrow(expect.objectContaining({ code: 'image_unsafe' }));
    expect(() => check(image())).toThrow(why);
  });
});

it('whatever the bytes, it answers or refuses', () => {
  const noise = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(PVD + 2048));
  fc.assert(
    fc.property(noise, ([bytes, at]) => {
      const image = changed((whole) => whole.set(bytes, Math.min(at, whole.length - bytes.length)));
      try {
        check(image);
      } catch (error) {
        expect(isGantryError(error, 'image_unsafe')).toBe(true);
      }
    }),
  );
});
