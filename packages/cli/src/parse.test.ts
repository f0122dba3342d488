import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseDisk, parseNic, parseOs, parsePairs, parseRngRate, parseSshKeys, parseYesNo } from './parse.ts';

test.each<[() => unknown, unknown]>([
  [() => parseDisk('10G'), { sizeMiB: 10_240 }],
  [() => parseDisk('size=1G,template=drbd'), { sizeMiB: 1024, template: 'drbd' }],
  [() => parseNic('lab'), { network: 'lab' }],
  [
    () => parseNic('network=gruen97,ip=172.28.97.234,mac=52:54:00:AA:00:01'),
    { network: 'gruen97', address: '172.28.97.234', mac: '52:54:00:aa:00:01' },
  ],
  [
    () => parseOs('debootstrap+default', { mirror: 'x' }),
    { provider: 'debootstrap', variant: 'default', parameters: { mirror: 'x' } },
  ],
  [() => parseOs('debootstrap', {}), { provider: 'debootstrap' }],
  [() => parsePairs(['a=b=c', 'd=', 'd=']), { a: 'b=c', d: '' }],
  [() => parseRngRate('24B/5s'), { 'hw_rng:rate_bytes': '24', 'hw_rng:rate_period': '5000' }],
  [() => parseRngRate('1K/s'), { 'hw_rng:rate_bytes': '1024', 'hw_rng:rate_period': '1000' }],
  [() => parseYesNo('ON'), true],
  [() => parseSshKeys('ssh-ed25519 AAAAC3Nz me@x'), ['ssh-ed25519 AAAAC3Nz me@x']],
])('%s', (parse, wanted) => {
  expect(parse()).toEqual(wanted);
});

test.each<[() => unknown, string]>([
  [() => parseDisk('10'), 'with its unit'],
  [() => parseDisk('template=file-raw'), 'SIZE[,template=TEMPLATE]'],
  [() => parseDisk('10G,size=5G'), 'size only once'],
  [() => parseNic('ip=1.2.3.4'), 'NETWORK'],
  [() => parseNic('lab,ip7=::1'), 'ip7'],
  [() => parsePairs(['a=1', 'a=2']), 'one value for a'],
  [() => parsePairs(['=x']), 'KEY=VALUE'],
  [() => parseRngRate('24/5s'), 'both units'],
  [() => parseRngRate('24B/5'), 'both units'],
  [() => parseYesNo('maybe'), 'yes or no'],
  [() => parseSshKeys('/no/such/file'), 'ENOENT'],
])('%s is refused', (parse, text) => {
  expect(parse).toThrow(text);
});

test('a private key is not sent', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-key-'));
  const file = join(dir, 'id');
  writeFileSync(file, '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n');
  expect(() => parseSshKeys(file)).toThrow('this one holds a private key');
  writeFileSync(file, '# mine\nssh-rsa AAAA a\n\nssh-ed25519 AAAA b\n');
  expect(parseSshKeys(file)).toEqual(['ssh-rsa AAAA a', 'ssh-ed25519 AAAA b']);
  rmSync(dir, { recursive: true });
});
