import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGantryError } from './errors.ts';
import { checkQcow2Header, parseQcow2Header, Qcow2Error } from './qcow2.ts';

type Field = readonly [offset: number, bytes: 4 | 8, value: number | bigint];

/** A header as QEMU 7.2 writes it for an empty 1 GiB image, with some fields changed. */
function header(...fields: Field[]): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const base: Field[] = [
    [0, 4, 0x514649fb],
    [4, 4, 3],
    [20, 4, 16],
    [24, 8, 2 ** 30],
    [36, 4, 2],
    [40, 8, 0x30000],
    [48, 8, 0x10000],
    [56, 4, 1],
    [96, 4, 4],
    [100, 4, 112],
  ];
  for (const [at, size, value] of [...base, ...fields])
    if (size === 4) view.setUint32(at, Number(value));
    else view.setBigUint64(at, BigInt(value));
  return bytes;
}
function withText(bytes: Uint8Array, at: number, text: string): Uint8Array {
  bytes.set(new TextEncoder().encode(text), at);
  return bytes;
}
const withBacking = (name: string, format = 'raw') =>
  withText(
    withText(
      header([8, 8, 512], [16, 4, name.length], [112, 4, 0xe2792aca], [116, 4, format.length]),
      120,
      format,
    ),
    512,
    name,
  );

const refusal = (bytes: Uint8Array): string => {
  try {
    checkQcow2Header(bytes);
  } catch (error) {
    if (isGantryError(error, 'image_unsafe')) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('parseQcow2Header', () => {
  it('reads a plain image', () => {
    expect(parseQcow2Header(header())).toEqual({
      version: 3,
      virtualBytes: 2 ** 30,
      clusterBits: 16,
      externalDataFile: false,
      encrypted: false,
      dirty: false,
      corrupt: false,
      snapshots: 0,
    });
  });

  it('reads the backing file and its format', () => {
    expect(parseQcow2Header(withBacking('../bases/a.raw'))).toMatchObject({
      backingFile: '../bases/a.raw',
      backingFormat: 'raw',
    });
  });

  it('reads version 2', () => {
    expect(parseQcow2Header(header([4, 4, 2]))).toMatchObject({ version: 2 });
  });

  it('never throws anything but Qcow2Error, whatever the bytes', () => {
    const field = fc.tuple(fc.nat(140), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
    fc.assert(
      fc.property(fc.array(field), fc.nat(4096), (changes, length) => {
        const bytes = header(...changes.map(([at, value]) => [at, 4, value] as const)).slice(0, length);
        try {
          parseQcow2Header(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Qcow2Error);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('looks only at the bytes it is given, not at the buffer behind them', () => {
    const whole = withBacking('/etc/shadow');
    const shifted = new Uint8Array(whole.length + 8);
    shifted.set(whole, 8);
    expect(parseQcow2Header(shifted.subarray(8)).backingFile).toBe('/etc/shadow');
    expect(() => parseQcow2Header(shifted.subarray(8, 300))).toThrow(/outside the header/);
  });
});

describe('checkQcow2Header', () => {
  it('accepts a plain image, zstd compression and extended L2 entries included', () => {
    expect(refusal(header())).toBe('accepted');
    expect(refusal(header([72, 8, 0b11000]))).toBe('accepted');
  });

  const cases: [string, Uint8Array, RegExp][] = [
    ['a backing file', withBacking('/etc/shadow'), /stands on another file \("\/etc\/shadow"\)/],
    ['an external data file (feature bit)', header([72, 8, 4]), /external data file/],
    ['an external data file (extension only)', header([112, 4, 0x44415441], [116, 4, 8]), /external data/],
    ['an unknown feature', header([72, 8, 1n << 40n]), /not known here \(bits 0x10000000000\)/],
    ['encryption', header([32, 4, 2]), /encrypted/],
    ['the dirty bit', header([72, 8, 1]), /not closed properly/],
    ['the corrupt bit', header([72, 8, 2]), /corrupt/],
    ['internal snapshots', header([60, 4, 3]), /3 internal snapshots/],
    ['another magic', header([0, 4, 0x7f454c46]), /not a qcow2 file/],
    ['another version', header([4, 4, 4]), /version 4 is unknown/],
    ['too large clusters', header([20, 4, 22]), /cluster size/],
    ['too small clusters', header([20, 4, 8]), /cluster size/],
    ['an absurd size', header([24, 8, 2n ** 62n]), /more than 2 PiB/],
    ['an empty disk', header([24, 8, 0]), /empty disk/],
    ['an absurd L1 table', header([36, 4, 0xffffffff]), /L1 table is absurd/],
    ['a too small L1 table', header([36, 4, 1]), /L1 table is too small/],
    ['an L1 table out of line', header([40, 8, 0x30001]), /wrong place/],
    ['a refcount table out of line', header([48, 8, 7]), /wrong place/],
    ['an absurd refcount table', header([56, 4, 0xffff]), /refcount table is absurd/],
    ['a wrong header length', header([100, 4, 0xfffffff8]), /header length/],
    ['an endless extension', header([112, 4, 1], [116, 4, 0xffffffff]), /extension is too long/],
    ['a backing name outside', header([8, 8, 2n ** 63n], [16, 4, 10]), /outside the header/],
    ['an endless backing name', header([8, 8, 512], [16, 4, 2000]), /has 2000 bytes/],
    ['too few bytes', header().slice(0, 50), /shorter/],
    ['nothing', new Uint8Array(), /shorter/],
  ];
  it.each(cases)('refuses %s', (_, bytes, why) => {
    expect(refusal(bytes)).toMatch(why);
  });
});
