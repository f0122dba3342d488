/** Each thing that should hold, broken by itself, is found by its own check, and by no other. */
import { tapName } from '@gantry/guest';
import {
  type CheckName,
  checkNames,
  type GroupCpu,
  type Image,
  type Instance,
  type NodeId,
  type NodeLook,
  type Replica,
  type Verified,
} from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withGauges } from '../src/gauges.ts';
import { MAC_SPACE } from '../src/objects.ts';
import { type TestCluster, testCluster } from '../src/testing/cluster.ts';
import type { Facts } from '../src/verify/facts.ts';
import { verify } from '../src/verify/verify.ts';

let cluster: TestCluster;
let web: Instance;
const nowMs = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const iso = (ms: number) => new Date(ms).toISOString();

beforeAll(async () => {
  cluster = await testCluster();
  await cluster.call('createInstance', { body: { name: 'web', flavor: 'small', image: 'debian/12' } });
  await cluster.converge();
  web = await cluster.instance('web');
});
afterAll(() => cluster.close());

/** All is well: the node finds what the store says. */
async function healthy(): Promise<
  Facts & { looks: Map<string, { look: NodeLook; aheadMs: number; exactMs: number }> }
> {
  const { store } = cluster;
  const all = async <K extends Parameters<typeof store.list>[0]>(kind: K) =>
    structuredClone((await store.list(kind)).items);
  const [theCluster] = await all('cluster');
  const [node] = await all('node');
  if (!theCluster || !node) throw new Error('no cluster');
  const [guests, replicas, attachments, networks] = await Promise.all([
    all('guest'),
    all('replica'),
    all('attachment'),
    all('network'),
  ]);
  const spaces = [MAC_SPACE, ...networks.flatMap(({ id }) => [`ipv4:${id}`, `ipv6:${id}`])];
  const look: NodeLook = {
    at: iso(nowMs),
    agentVersion: '0.1.0',
    libvirt: true,
    domains: guests.map(({ spec }) => ({
      uuid: spec.instance,
      name: 'web-1',
      alive: true,
      ours: { cluster: theCluster.id, instance: spec.instance, epoch: spec.epoch },
    })),
    disks: replicas.flatMap(({ spec }) =>
      spec.what === 'disk' ? [{ disk: spec.disk, state: 'ready' as const, path: '/d' }] : [],
    ),
    bases: [],
    networks: attachments.map(({ spec }) => ({
      ...{ network: spec.network, bridge: spec.bridge, ready: true },
      ports: guests.map(({ spec: { instance } }) => tapName(instance, 0)),
    })),
    filters: guests.map(({ spec }) => spec.instance),
    taps: guests.map(({ spec }) => tapName(spec.instance, 0)),
    storages: [{ name: 'file', path: '/s', totalBytes: 100, freeBytes: 50 }],
    certificates: [{ what: 'its certificate', until: iso(nowMs + 60 * DAY_MS) }],
    system: { id: 'debian', version: '12' },
  };
  return {
    ...{
      nowMs,
      version: '0.1.0',
      cluster: theCluster,
      nodes: [await withGauges(store, node)],
      guests,
      replicas,
      attachments,
      networks,
    },
    instances: await all('instance'),
    groups: await all('group'),
    images: await all('image'),
    lost: new Set(),
    certificates: [],
    disks: await all('disk'),
    operations: await all('operation'),
    claims: (await Promise.all(spaces.map((space) => store.claims(space)))).flat(),
    looks: new Map([[node.id as string, { look, aheadMs: 3, exactMs: 5 }]]),
    moving: new Set(),
  };
}
type Healthy = Awaited<ReturnType<typeof healthy>>;

const first = <T>(list: readonly T[]): T => {
  const [one] = list;
  if (one === undefined) throw new Error('empty');
  return one;
};
const lookOf = ({ looks }: Healthy) => first([...looks.values()]).look;
const emptyLook = (looks: Healthy['looks']) => {
  const looked = first([...looks.values()]);
  const none = { domains: [], disks: [], networks: [], filters: [], taps: [] };
  return { ...looked, look: { ...looked.look, ...none } };
};
const domainOf = (facts: Healthy) => first(lookOf(facts).domains);
const storageOf = (facts: Healthy) => first(lookOf(facts).storages ?? []);
const SHA = '0'.repeat(64);
const imageOf = ({ images }: Healthy, sha256: string): Image => ({
  ...structuredClone(first(images)),
  ...{ id: other as never, name: 'uploaded', status: { state: 'ready', sha256 } },
});
const baseOf = ({ replicas, nodes, cluster: { id } }: Healthy, image: Image): Replica => ({
  ...structuredClone(first(replicas)),
  id: SHA as never,
  spec: {
    ...{ what: 'base', desired: 'present', format: 'raw', sha256: SHA },
    ...{ node: first(nodes).id as NodeId, cluster: id as never, image: image.id as never },
  },
  status: { state: 'ready' },
});
const baselineOf = (change: Partial<GroupCpu>): GroupCpu => ({
  ...{
    baseline: { model: 'narrow', features: [] },
    features: ['sse'],
    kind: 'k',
    from: [],
    by: other as never,
  },
  ...{ since: iso(0), leftOut: [] },
  ...change,
});
const other = '99999999-9999-4999-8999-999999999999';

test('when all is well nothing is found', async () => {
  expect(verify(await healthy())).toEqual([]);
});

type Break = (facts: Healthy) => void;
describe.each<[CheckName, string, Break, RegExp]>([
  ['nodes', 'a silent node', (facts) => facts.looks.clear(), /does not answer/],
  [
    'nodes',
    'one that was told to leave, and has left, by a controller that died before it forgot it',
    (facts) => {
      const node = structuredClone(first(facts.nodes));
      node.spec = { ...node.spec, role: 'drained', group: other as never };
      facts.nodes.push({ ...node, id: other as never, name: 'n2' });
    },
    /does not answer.*`gantry node remove n2` if it has left/,
  ],
  [
    'nodes',
    'a condition that does not hold',
    ({ nodes }) => {
      const since = iso(0);
      first(nodes).status.conditions = [{ type: 'X', status: 'false', reason: 'Y', message: 'so', since }];
    },
    /X does not hold: so/,
  ],
  [
    'clocks',
    'a clock that is ahead',
    ({ looks }) => {
      first([...looks.values()]).aheadMs = 5000;
    },
    /5\.00 s ahead of the controller/,
  ],
  [
    'versions',
    'an older agent',
    (facts) => {
      lookOf(facts).agentVersion = '0.0.9';
    },
    /its agent is 0\.0\.9, the controller 0\.1\.0/,
  ],
  [
    'versions',
    'a release without support',
    (facts) => {
      lookOf(facts).system = { id: 'debian', version: '10' };
    },
    /no security support since 2024-06-30/,
  ],
  [
    'versions',
    'an older QEMU than in its group',
    ({ nodes, looks }) => {
      const node = first(nodes);
      const facts = { ...node.status.facts, qemuVersion: '7.2.9' } as NonNullable<typeof node.status.facts>;
      node.status.facts = facts;
      const newer = { ...facts, qemuVersion: '7.2.10' };
      const spec = { ...node.spec, role: 'active' as const };
      nodes.push({ ...node, id: other as never, name: 'n2', spec, status: { ...node.status, facts: newer } });
      looks.set(other, emptyLook(looks));
    },
    /QEMU 7\.2\.9, another node of its group 7\.2\.10/,
  ],
  [
    'certificates',
    'one that ends soon',
    (facts) => {
      lookOf(facts).certificates = [{ what: 'its certificate', until: iso(nowMs + DAY_MS) }];
    },
    /ends at 2026-06-02/,
  ],
  [
    'guests',
    'a crashed one',
    ({ instances }) => {
      first(instances).status.state = 'crashed';
    },
    /it is crashed/,
  ],
  [
    'guests',
    'one without a binding',
    (facts) => {
      facts.guests = [];
      lookOf(facts).domains = [];
    },
    /bound to no node/,
  ],
  ['domains', 'no domain', (facts) => void lookOf(facts).domains.pop(), /libvirt knows nothing of it/],
  [
    'domains',
    'one that runs twice',
    (facts) => {
      const node = { ...first(facts.nodes), id: other as never, name: 'n2' };
      facts.nodes.push(node);
      const empty = emptyLook(facts.looks);
      facts.looks.set(other, { ...empty, look: { ...empty.look, domains: lookOf(facts).domains } });
    },
    /runs on several nodes: n1, n2/,
  ],
  [
    'domains',
    'one that nobody knows',
    (facts) => {
      const { ours } = domainOf(facts);
      if (ours)
        lookOf(facts).domains.push({
          uuid: other,
          name: 'old',
          alive: true,
          ours: { ...ours, instance: other },
        });
    },
    /the domain old bears this cluster’s mark/,
  ],
  [
    'domains',
    'one without our mark',
    (facts) => void delete domainOf(facts).ours,
    /has its id but not its mark/,
  ],
  [
    'domains',
    'one of a newer binding',
    (facts) => {
      const { ours } = domainOf(facts);
      if (ours) ours.epoch = { incarnation: 99, number: 1 };
    },
    /a newer binding than the store knows/,
  ],
  ['disks', 'a file that is gone', (facts) => void lookOf(facts).disks.pop(), /its file is gone/],
  [
    'disks',
    'a file that nobody knows',
    (facts) =>
      void lookOf(facts).disks.push({ disk: other, state: 'creating', path: '/old', operation: other }),
    /old is a disk of this cluster, half made, that nothing here knows of/,
  ],
  [
    'disks',
    'one without its base',
    (facts) => {
      first(lookOf(facts).disks).lacks = '/b.raw';
    },
    /it stands on \/b\.raw, which is not there/,
  ],
  [
    'images',
    'a content that is gone',
    (facts) => {
      facts.images.push(imageOf(facts, SHA));
      facts.lost = new Set([SHA]);
    },
    /its content \(SHA-256 0{64}\) is gone from the controller/,
  ],
  [
    'images',
    'a base that a node has not got',
    (facts) => {
      const image = imageOf(facts, SHA);
      facts.images.push(image);
      facts.replicas.push(baseOf(facts, image));
    },
    /node n1 has not got its base/,
  ],
  [
    'images',
    'a base of no image',
    (facts) => void lookOf(facts).bases.push({ sha256: SHA, path: '/b', users: [] }),
    /\/b is the base of no image here, and no disk stands on it/,
  ],
  [
    'networks',
    'a NIC that is not at its bridge',
    (facts) => {
      first(lookOf(facts).networks).ports = [];
    },
    /its NIC 0 is not at the bridge gy0 on n1: gt.* is no port of it/,
  ],
  [
    'networks',
    'a bridge that is gone',
    (facts) => {
      lookOf(facts).networks = [];
    },
    /does not work on n1: there is no bridge gy0/,
  ],
  [
    'filters',
    'a guest without one, as an older agent tells it',
    (facts) => {
      delete lookOf(facts).taps;
      lookOf(facts).filters = [];
    },
    /without the filter of its NIC 0/,
  ],
  [
    'filters',
    'a NIC whose filter was changed by hand, also where everything may leave it',
    (facts) => {
      lookOf(facts).taps = [];
      for (const nic of first(facts.guests).spec.input.nics) nic.filter = 'off';
    },
    /without the filter of its NIC 0, or with a changed one/,
  ],
  [
    'certificates',
    'the authority',
    (facts) => {
      facts.certificates = [{ what: 'the authority’s certificate', until: iso(nowMs - DAY_MS) }];
    },
    /the authority’s certificate ended at 2026-05-31/,
  ],
  [
    'versions',
    'a release without support, by the node’s own table',
    (facts) => {
      lookOf(facts).system = { id: 'nixos', version: '25.05', supportEnds: '2026-07-01' };
    },
    /nixos 25\.05 has security support until 2026-07-01 \(distro-info-data of the node\)/,
  ],
  [
    'versions',
    'a libvirt that is too old',
    ({ nodes }) => {
      const { status } = first(nodes);
      status.facts = { ...status.facts, libvirtVersion: '8.10.0' } as NonNullable<typeof status.facts>;
    },
    /it has libvirt 8\.10\.0; Gantry is tried with 9\.0 and newer/,
  ],
  [
    'cpus',
    'a node that is left out of the baseline',
    (facts) => {
      const node = first(facts.nodes);
      const since = iso(0);
      const why = 'it lacks avx2 of the CPU baseline of group default, which guests there have';
      first(facts.groups).status.cpu = baselineOf({
        leftOut: [{ node: node.id as NodeId, lacks: ['avx2'], why }],
      });
      node.status.conditions.push({
        type: 'CpuBaseline',
        status: 'false',
        reason: 'LeftOut',
        message: why,
        since,
      });
    },
    /it lacks avx2 .*: guests made there get its own CPU/,
  ],
  [
    'cpus',
    'a guest from before the baseline became narrower',
    (facts) => {
      first(facts.groups).status.cpu = baselineOf({ narrowedAt: iso(nowMs) });
      const guest = first(facts.guests);
      guest.spec.input.cpuBaseline = { group: 'default', cpu: { model: 'wide', features: [] } };
      guest.spec.input.policies = [{ level: 'group', from: 'default', policy: { cpuMode: 'host-model' } }];
      guest.status.startedAt = iso(nowMs - DAY_MS);
    },
    /runs since 2026-05-31.* with the CPU that group default had before 2026-06-01/,
  ],
  [
    'failover',
    'guests that find no memory elsewhere',
    (facts) => {
      const node = first(facts.nodes);
      const small = { ...node.status.facts, memoryMiB: 520 } as NonNullable<typeof node.status.facts>;
      const spec = { ...node.spec, role: 'active' as const };
      facts.nodes.push({
        ...node,
        id: other as never,
        name: 'n2',
        spec,
        status: { ...node.status, facts: small },
      });
      facts.looks.set(other, emptyLook(facts.looks));
    },
    /should it die, 1 of its guests \(web; \d+ MiB\) find no memory on the other node of group default: 8 MiB free in all, 8 MiB on one node/,
  ],
  [
    'addresses',
    'an address without its claim',
    (facts) => {
      facts.claims = facts.claims.filter(({ space }) => !space.startsWith('ipv4:'));
    },
    /10\.9\.8\.10 is in use by it and not claimed/,
  ],
  [
    'addresses',
    'a claim without its owner',
    (facts) => void facts.claims.push({ space: MAC_SPACE, value: '52:54:00:00:00:01', owner: other }),
    /52:54:00:00:00:01 is claimed, and nobody uses it/,
  ],
  [
    'operations',
    'one past its deadline',
    ({ operations }) => {
      const operation = first(operations);
      operation.status.state = 'running';
      operation.spec.deadline = iso(nowMs - 3_600_000);
    },
    /past its deadline/,
  ],
  [
    'capacity',
    'more promised than there is',
    ({ guests }) => {
      first(guests).spec.input.memoryMiB = 99_999;
    },
    /its guests are promised 98 GiB of memory, it has 8 GiB/,
  ],
  [
    'storages',
    'one that is not mounted',
    (facts) => {
      storageOf(facts).fault = '/s/.gantry-storage is not there';
    },
    /storage file is not what it was: .* is not there/,
  ],
  [
    'storages',
    'a storage that is nearly full',
    (facts) => {
      storageOf(facts).freeBytes = 1;
    },
    /has only 1 B left/,
  ],
])('%s', (check, what, damage, message) => {
  test(what, async () => {
    const facts = await healthy();
    damage(facts);
    const found = verify(facts);
    expect(found.map((one) => one.check)).toEqual([check]);
    expect(`${first(found).message}. ${first(found).remedy}`).toMatch(message);
    expect(first(found).remedy).not.toBe('');
    expect(verify(facts, [check])).toHaveLength(1);
  });
});

test('what an operation works on is left out', async () => {
  const facts = await healthy();
  lookOf(facts).domains = [];
  lookOf(facts).disks = [];
  expect(verify({ ...facts, moving: new Set([web.id]) })).toEqual([]);
});

describe('asked through the API', () => {
  test('a node that does not answer is named, and what lies there is not judged', async () => {
    const found = await cluster.call<Verified>('verifyCluster', {});
    expect(found).toMatchObject({ checks: checkNames, nodes: [], silent: ['n1'] });
    expect(found.findings.map(({ check, name }) => [check, name])).toEqual([['nodes', 'n1']]);
  });

  test('only some checks, and none that is unknown', async () => {
    const query = { checks: 'disks,operations' };
    expect(await cluster.call('verifyCluster', { query })).toMatchObject({ findings: [] });
    await expect(cluster.call('verifyCluster', { query: { checks: 'disks,disk' } })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});
