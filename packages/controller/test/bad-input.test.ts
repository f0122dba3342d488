/** Bad input: each is refused with its code, and leaves nothing behind. */
import type { RouteName } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Request } from '../src/api/call.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await testCluster();
  const taken = {
    name: 'taken',
    flavor: 'small',
    image: 'debian/12',
    nics: [{ network: 'default', address: '10.9.8.200' }],
  };
  await cluster.call('createInstance', { body: taken });
  await cluster.converge();
  await cluster.call('createImage', { body: { name: 'empty', spec: { source: 'file', format: 'qcow2' } } });
});
afterAll(() => cluster.close());

const good = { name: 'hello', flavor: 'small', image: 'debian/12' };
const nic = (more: object) => ({ ...good, nics: [{ network: 'default', ...more }] });
const MEGABYTE = 'x'.repeat(2 ** 20);

const badNames = [
  'a/b',
  'a..b',
  '.a',
  'a.',
  'A',
  '-a',
  'a b',
  'a\u0000b',
  'a\nb',
  '\u001b[2J',
  '../../etc',
  'ä',
  '',
  MEGABYTE,
];

const instances: [string, object, string][] = [
  ...badNames.map((name): [string, object, string] => [
    `name ${JSON.stringify(name.slice(0, 20))}`,
    { ...good, name },
    'invalid_body',
  ]),
  ['no name', { flavor: 'small' }, 'invalid_body'],
  ['an unknown field', { ...good, flavour: 'small' }, 'unknown_field'],
  ['an unknown field inside', nic({ adress: 'pool' }), 'unknown_field'],
  ['a number as text', { ...good, vcpus: '2' }, 'invalid_body'],
  ['a fraction', { ...good, vcpus: 1.5 }, 'invalid_body'],
  ['no vCPUs', { ...good, vcpus: 0 }, 'invalid_body'],
  ['too many vCPUs', { ...good, vcpus: 1e9 }, 'invalid_body'],
  ['an array as body', [], 'invalid_body'],
  ['null as body', null, 'invalid_body'],
  ['a prototype', JSON.parse('{"name":"hello","__proto__":{"x":1}}'), 'unknown_field'],
  ['a label with a newline', { ...good, labels: { a: 'x\ny' } }, 'invalid_body'],
  ['a label whose key is no key', { ...good, labels: { 'a\nb': 'x' } }, 'invalid_body'],
  ['a label of a megabyte', { ...good, labels: { a: MEGABYTE } }, 'invalid_body'],
  ['a key that is no key', { ...good, personality: { sshKeys: ['rm -rf /'] } }, 'invalid_body'],
  [
    'a key with a second line',
    { ...good, personality: { sshKeys: ['ssh-rsa AAAA a\nevil'] } },
    'invalid_body',
  ],
  ['a kernel path with NUL', { ...good, boot: { kernel: '/a\u0000b' } }, 'invalid_body'],
  ['kernel arguments with a newline', { ...good, boot: { kernel: 'node', args: 'a\nb' } }, 'invalid_body'],
  [
    'user-data for an OS provider',
    { ...good, personality: { userData: '#cloud-config' } },
    'invalid_argument',
  ],
  ['an unknown flavor', { ...good, flavor: 'huge' }, 'not_found'],
  ['an unknown image', { ...good, image: 'debian/99' }, 'not_found'],
  ['an image without content', { ...good, image: 'empty' }, 'image_not_ready'],
  ['an unknown network', { ...good, nics: [{ network: 'none' }] }, 'not_found'],
  ['an unknown node', { ...good, node: 'n9' }, 'not_found'],
  ['neither flavor nor sizes', { name: 'hello', image: 'debian/12' }, 'invalid_argument'],
  ['no disk size', { name: 'hello', vcpus: 1, memoryMiB: 64 }, 'invalid_argument'],
  ['another provider than the image’s', { ...good, os: { provider: 'other' } }, 'invalid_argument'],
  ['a custom CPU without model', { ...good, guest: { cpuMode: 'custom' } }, 'invalid_property'],
  ['a name already taken', { ...good, name: 'taken' }, 'name_taken'],
  ['an address already taken', nic({ address: '10.9.8.200' }), 'address_taken'],
  ['an address outside', nic({ address: '10.9.9.1' }), 'address_outside'],
  ['the gateway', nic({ address: '10.9.8.1' }), 'address_outside'],
  ['the broadcast address', nic({ address: '10.9.8.255' }), 'address_outside'],
  ['no address', nic({ address: '10.9.8.256' }), 'invalid_body'],
  [
    'twice the same address',
    { ...good, nics: [1, 2].map(() => ({ network: 'default', address: '10.9.8.77' })) },
    'address_taken',
  ],
  ['a group MAC', nic({ mac: '01:00:5e:00:00:01' }), 'invalid_argument'],
  ['more memory than there is', { ...good, memoryMiB: 64 * 1024 }, 'no_capacity'],
  ['a disk larger than the file system', { ...good, disks: [{ sizeMiB: 2 ** 30 }] }, 'disk_too_large'],
  ['an idle deadline', { ...good, deadlineMs: 1 }, 'invalid_body'],
];

describe('create an instance with', () => {
  test.each(instances)('%s', async (_what, body, code) => {
    const before = await cluster.store.revision();
    const claims = await cluster.store.claims('mac');
    await expect(cluster.call('createInstance', { body })).rejects.toMatchObject({ code });
    expect(await cluster.store.revision()).toBe(before);
    expect(await cluster.store.claims('mac')).toEqual(claims);
  });
});

const subnet = { cidr: '10.1.0.0/24' };
const nat = (more: object) => ({
  name: 'net',
  spec: { mode: 'nat', bridge: 'gy9', subnet: { ...subnet, ...more } },
});

const others: [string, RouteName, Omit<Request, 'route'>, string][] = [
  [
    'a flavor with an unknown extra spec',
    'createFlavor',
    { body: { name: 'f', spec: { vcpus: 1, memoryMiB: 64, extraSpecs: { 'hw:nonsense': '1' } } } },
    'unknown_property',
  ],
  [
    'a flavor with a bad extra spec',
    'createFlavor',
    {
      body: { name: 'f', spec: { vcpus: 1, memoryMiB: 64, extraSpecs: { 'hw:watchdog_action': 'explode' } } },
    },
    'invalid_property',
  ],
  [
    'an image name that climbs',
    'createImage',
    { body: { name: '../x', spec: { source: 'os', os: { provider: 'a' } } } },
    'invalid_body',
  ],
  [
    'an image without format',
    'createImage',
    { body: { name: 'x', spec: { source: 'file' } } },
    'invalid_argument',
  ],
  [
    'an image with an unknown property',
    'createImage',
    { body: { name: 'x', spec: { source: 'os', os: { provider: 'a' }, properties: { hw_nonsense: '1' } } } },
    'unknown_property',
  ],
  [
    'a network that is no network',
    'createNetwork',
    { body: nat({ cidr: '10.1.0.1/24' }) },
    'invalid_argument',
  ],
  ['a gateway outside', 'createNetwork', { body: nat({ gateway: '10.2.0.1' }) }, 'invalid_argument'],
  [
    'a pool backwards',
    'createNetwork',
    { body: nat({ poolStart: '10.1.0.9', poolEnd: '10.1.0.8' }) },
    'invalid_argument',
  ],
  ['a subnet that overlaps', 'createNetwork', { body: nat({ cidr: '10.9.0.0/16' }) }, 'invalid_argument'],
  [
    'a bridge that is in use',
    'createNetwork',
    { body: { ...nat({}), spec: { mode: 'nat', bridge: 'gy0', subnet } } },
    'invalid_argument',
  ],
  [
    'a bridge name that is none',
    'createNetwork',
    { body: { ...nat({}), spec: { mode: 'nat', bridge: 'a/b', subnet } } },
    'invalid_body',
  ],
  [
    'a node role that is none',
    'setNode',
    { params: { ref: 'n1' }, body: { role: 'asleep' } },
    'invalid_body',
  ],
  [
    'a provider that is a prototype',
    'setClusterOs',
    { body: { provider: '__proto__', parameters: { a: 'b' } } },
    'invalid_body',
  ],
  [
    'a policy without its model',
    'setClusterPolicy',
    { body: { guest: { cpuMode: 'custom' } } },
    'invalid_property',
  ],
  ['a limit that is no number', 'listInstances', { query: { limit: 'many' } }, 'invalid_body'],
  ['a limit beyond', 'listInstances', { query: { limit: '100000' } }, 'invalid_body'],
  ['a limit twice', 'listInstances', { query: { limit: ['1', '2'] } }, 'invalid_body'],
  ['an unknown query', 'listInstances', { query: { sort: 'name' } }, 'unknown_field'],
  ['a cursor of another list', 'listInstances', { query: { cursor: 'W10' } }, 'invalid_argument'],
  ['labels without value', 'listInstances', { query: { labels: 'a' } }, 'invalid_argument'],
  ['a revision that is none', 'watch', { query: { from: 'now' } }, 'invalid_body'],
  ['what is not there', 'getInstance', { params: { ref: '../etc/passwd' } }, 'not_found'],
  ['what is not there, by a megabyte', 'getInstance', { params: { ref: MEGABYTE } }, 'not_found'],
  ['an image in use', 'deleteNetwork', { params: { ref: 'default' } }, 'in_use'],
  ['a key that is no key', 'createInstance', { body: good, idempotencyKey: 'a b' }, 'invalid_argument'],
];

test.each(others)('%s', async (_what, route, request, code) => {
  const before = await cluster.store.revision();
  await expect(cluster.call(route, request)).rejects.toMatchObject({ code });
  expect(await cluster.store.revision()).toBe(before);
});

test('an exhausted pool', async () => {
  const created: string[] = [];
  for (let number = 0; number < 4; number++) {
    await cluster.call('createInstance', {
      body: { ...good, name: `p${number}`, memoryMiB: 16, disks: [{ sizeMiB: 1 }] },
    });
    created.push((await cluster.instance(`p${number}`)).spec.nics[0]?.ipv4 ?? '');
  }
  expect(created).toEqual(['10.9.8.10', '10.9.8.11', '10.9.8.12', '10.9.8.13']);
  await expect(cluster.call('createInstance', { body: good })).rejects.toMatchObject({
    code: 'pool_exhausted',
  });
});

test('refusals are in the audit', async () => {
  // those above were more than are told in a minute
  await cluster.env.pass(60_000);
  await cluster.call('createInstance', { body: { ...good, name: 'taken' } }).catch(() => undefined);
  const { items } = await cluster.call<{ items: object[] }>('listEvents', {
    query: { type: 'api.create-instance', limit: 1 },
  });
  expect(items).toMatchObject([
    {
      level: 'warn',
      actor: 'admin',
      message: expect.stringMatching(/^refused: instance taken exists already; \d+ more refusals/),
    },
  ]);
});
