import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseName, creatingName, extensions, parseBaseName, parseDiskName, readyName } from './layout.ts';

const uuid = fc.uuid();
const extension = fc.constantFrom(...extensions);

describe('names of disks', () => {
  it('say what they were made from', () => {
    fc.assert(
      fc.property(uuid, uuid, extension, (disk, operation, ext) => {
        expect(parseDiskName(readyName(disk, ext))).toEqual({ disk, state: 'ready', extension: ext });
        const received = operation.slice(0, 8).repeat(2);
        expect(parseDiskName(readyName(disk, ext, received))).toEqual({
          disk,
          state: 'ready',
          received,
          extension: ext,
        });
        expect(parseDiskName(creatingName(disk, operation, ext))).toEqual({
          disk,
          state: 'creating',
          operation,
          extension: ext,
        });
      }),
    );
  });

  const id = '33333333-3333-4333-8333-333333333333';
  it.each([
    '',
    'ready.qcow2',
    `${id}.qcow2`,
    `${id}.ready.vmdk`,
    `${id}.ready.${id}.qcow2`,
    `${id}.creating.qcow2`,
    `${id}.creating.x.qcow2`,
    `${id.toUpperCase()}x.ready.raw`,
    `${id}.ready.raw.bak`,
    `.${id}.ready.raw`,
  ])('leave %j alone', (name) => {
    expect(parseDiskName(name)).toBeUndefined();
  });
});

describe('names of bases', () => {
  const sha256 = 'ab'.repeat(32);
  it('keep what was uploaded as raw apart from what was uploaded as qcow2', () => {
    expect(baseName(sha256, 'raw')).not.toBe(baseName(sha256, 'qcow2'));
    expect(parseBaseName(baseName(sha256, 'raw'))).toBe(sha256);
    expect(parseBaseName(baseName(sha256, 'qcow2'))).toBe(sha256);
  });
  it('leave partial and foreign files alone', () => {
    expect(parseBaseName(`${sha256}.raw.partial`)).toBeUndefined();
    expect(parseBaseName('debian.raw')).toBeUndefined();
  });
});
