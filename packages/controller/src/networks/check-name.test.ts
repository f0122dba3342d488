import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Network, Nic } from '@gantry/model';
import { describe, expect, it, onTestFinished } from 'vitest';
import { requireNameAgrees } from './check-name.ts';
import { parseAhosts, resolver } from './resolver.ts';

const network = {
  id: 'n1',
  name: 'net1',
  spec: { mode: 'uplink', subnet: { cidr: '10.1.0.0/24' }, subnet6: { cidr: '2001:db8::/64' } },
} as Network;
const nic = { network: 'n1', mac: '52:54:00:00:00:01', ipv4: '10.1.0.5', ipv6: '2001:db8::5' } as Nic;
const agrees = (resolved: string[], given: string[] = []) =>
  requireNameAgrees('web1', resolved, [nic], [network], given);

describe('a name', () => {
  it.each([
    ['that nobody resolves', []],
    ['of its own address', ['10.1.0.5']],
    ['of its own IPv6 address, in a longer list', ['192.0.2.1', '2001:db8::5', '10.1.0.9']],
    ['of an address in none of its networks', ['192.0.2.1', '2001:db8:1::5']],
  ])('%s is taken', (_, resolved) => {
    expect(() => agrees(resolved)).not.toThrow();
  });
  it.each([
    ['10.1.0.9', 'an address of network net1 that the instance does not have'],
    ['10.1.0.255', 'net1'],
    ['2001:db8::6', 'net1'],
  ])('of another address in its network (%s) is refused', (address, why) => {
    expect(() => agrees([address])).toThrow(
      expect.objectContaining({ code: 'name_resolves', message: expect.stringContaining(why) as string }),
    );
  });
  it('that contradicts the address that was given is refused, wherever it leads', () => {
    expect(() => agrees(['192.0.2.1'], ['10.1.0.5'])).toThrow('was given 10.1.0.5');
    expect(() => agrees(['2001:db8:1::1'], ['10.1.0.5'])).not.toThrow();
  });
});

it('what the resolver says is read without this machine’s own addresses', () => {
  const said =
    '192.0.2.7       STREAM web1\n192.0.2.7       DGRAM  \n2001:db8::7     STREAM web1\n127.0.1.1 STREAM\n::1 RAW\nfe80::1%eth0 RAW\n::ffff:192.0.2.8 RAW\n';
  expect(parseAhosts(said)).toEqual(['192.0.2.7', '2001:db8::7', '192.0.2.8']);
});

it('a real lookup knows the hosts file, and nothing of loopback', async () => {
  expect(await resolver()('localhost')).toEqual([]);
});

it.each([
  ['is not there', 'web1', '/no/such/getent'],
  ['cannot be started at all', 'web\0', 'getent'],
])('a lookup that %s finds nothing', async (_, name, getent) => {
  expect(await resolver(() => 0, getent)(name)).toEqual([]);
});

it('a DNS that does not answer hides nothing of the hosts file, and is left alone for a while', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-getent-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const [getent, asked] = [join(dir, 'getent'), join(dir, 'asked')];
  const script = `[ "$1" = -s ] || exec sleep 600\necho "$*" >> ${asked}\necho '192.0.2.7 STREAM web1'\n`;
  writeFileSync(getent, `#!/bin/sh\n${script}`, { mode: 0o755 });
  const find = resolver(() => 0, getent);
  for (const name of ['web1', 'web2']) expect(await find(name)).toEqual(['192.0.2.7']);
  expect(readFileSync(asked, 'utf8')).toBe('-s hosts:files ahosts -- web1\n-s hosts:files ahosts -- web2\n');
});
