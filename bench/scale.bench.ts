/**
 * A controller with 1,000 nodes and 10,000 instances (GANTRY_BENCH_NODES, GANTRY_BENCH_INSTANCES): how long a place is
 * looked for, how long a create takes, and how long lists take through the API's socket. Milliseconds. Store, API and
 * HTTP are real; nodes and guests are rows. `CPU`: of this process, each time, which for lists is client and server together.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ipv4ToNumber, numberToIpv4 } from '../packages/controller/src/addresses.ts';
import { initCluster } from '../packages/controller/src/bootstrap.ts';
import { Controller } from '../packages/controller/src/controller.ts';
import { httpServer } from '../packages/controller/src/http/http-server.ts';
import type { Resource } from '../packages/controller/src/kinds.ts';
import { addressSpace } from '../packages/controller/src/objects.ts';
import { chooseNode } from '../packages/controller/src/placement/choose-node.ts';
import { Draft } from '../packages/controller/src/store/batch.ts';
import { SqliteStore } from '../packages/controller/src/store/sqlite-store.ts';
import { systemEnv } from '../packages/controller/src/system-env.ts';
import { fakeHardware } from '../packages/controller/src/testing/fake-hardware.ts';
import { FakeAgent, memoryImages } from '../packages/controller/src/testing/index.ts';

const NODES = Number(process.env['GANTRY_BENCH_NODES'] ?? 1000);
const INSTANCES = Number(process.env['GANTRY_BENCH_INSTANCES'] ?? 10_000);
const ROUNDS = 50;

const dir = await mkdtemp(join(tmpdir(), 'gantry-bench-'));
const env = systemEnv('error');
const store = new SqliteStore(join(dir, 'store.db'));
const { adminToken, agentToken } = await initCluster(store, env, { name: 'bench', node: 'n1' });
const controller = new Controller({ store, env, images: memoryImages() });
const call = async <T>(route: Parameters<Controller['call']>[0], more: object = {}) =>
  (await controller.call(route, { token: adminToken, ...more })).body as T;

const hardware = fakeHardware({
  cells: [0, 1].map((id) => ({
    id,
    memoryMiB: 131_072,
    cores: Array.from({ length: 16 }, (_, core) => [id * 16 + core, 32 + id * 16 + core]),
    pages: [
      { sizeKiB: 4, total: 2 ** 25 },
      { sizeKiB: 2048, total: 512 },
    ],
  })),
});

const wish = (name: string, more: object = {}) => ({
  body: { name, flavor: 'tiny', image: 'debian/12', nics: [], ...more },
});

/** One node and one instance as they really come to be; then as many rows like them. */
async function fill(): Promise<void> {
  const agent = new FakeAgent(controller, env, agentToken);
  const status = agent.nodeStatus();
  const facts = { ...status.facts, cpus: 64, memoryMiB: 262_144, hardware };
  await agent.report({ node: { ...status, facts } as never });
  await call('createInstance', wish('first', { labels: { tier: 'first' } }));
  await agent.round();
  const all = async <K extends 'node' | 'instance' | 'guest' | 'disk' | 'replica'>(kind: K) =>
    (await store.list(kind)).items[0] as Resource;
  const node = await all('node');
  const seen = await store.seen(node.id);
  const ids = [node.id as string];
  for (let number = 2; number <= NODES; number++) {
    const draft = new Draft(env.clock.now());
    const id = env.uuid();
    ids.push(id);
    draft.add({ ...node, id, name: `n${number}` } as Resource);
    if (seen) draft.batch.seen = { row: { ...seen, node: id }, after: undefined };
    await store.commit(draft.batch);
  }
  const subnet = { cidr: '10.0.0.0/8' };
  const lan = await call<Resource>('createNetwork', {
    body: { name: 'lan', spec: { mode: 'bridge', bridge: 'br0', subnet } },
  });
  const parts = await Promise.all((['instance', 'guest', 'disk', 'replica'] as const).map(all));
  for (let from = 2; from <= INSTANCES; from += 500) {
    const draft = new Draft(env.clock.now());
    for (let number = from; number < Math.min(from + 500, INSTANCES + 1); number++) {
      const objects = copies(parts, number, ids[number % NODES] as string, node.id);
      for (const object of objects) draft.add(object);
      const address = numberToIpv4(ipv4ToNumber('10.0.0.0') + number);
      draft.take(addressSpace(lan.id), address, objects[0]?.id ?? '');
    }
    await store.commit(draft.batch);
  }
}

/** With ids of their own, on that node. */
function copies(parts: Resource[], number: number, node: string, firstNode: string): Resource[] {
  let text = JSON.stringify(parts).replaceAll(firstNode, node).replaceAll('"first', `"i${number}`);
  for (const { id } of parts) text = text.replaceAll(id, env.uuid());
  const copied = JSON.parse(text) as Resource[];
  const [instance] = copied;
  if (instance) instance.labels = { tier: number % 100 === 0 ? 'db' : 'web' };
  return copied;
}

async function tell(what: string, act: (round: number) => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    await act(round);
    times.push(performance.now() - began);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpu = ((user + system) / 1000 / ROUNDS).toFixed(1).padStart(8);
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.floor(share * (ROUNDS - 1))] ?? 0).toFixed(1).padStart(8);
  console.log(`${what.padEnd(52)} median ${at(0.5)}   p95 ${at(0.95)}   CPU ${cpu}`);
}

const socketPath = join(dir, 'api.sock');

const get = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${adminToken}` };
    const asking = request({ socketPath, path, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (reply.statusCode === 200) resolve(body);
        else reject(new Error(body));
      });
    });
    asking.on('error', reject).end();
  });

async function everyPage(): Promise<void> {
  let cursor = '';
  do {
    const page = JSON.parse(await get(`/v1/instances?limit=1000${cursor}`)) as { next?: string };
    cursor = page.next ? `&cursor=${page.next}` : '';
  } while (cursor !== '');
}

const door = await httpServer(controller.app);
try {
  const began = performance.now();
  await fill();
  console.log(
    `${NODES} nodes, ${INSTANCES} instances (filled in ${((performance.now() - began) / 1000).toFixed(1)} s)`,
  );
  await door.listen({ path: socketPath });
  const [cluster] = (await store.list('cluster')).items;
  const [guest] = (await store.list('guest', {}, { limit: 1 })).items;
  if (!cluster || !guest) throw new Error('the cluster was not filled');
  const { input } = guest.spec;
  const place = () =>
    chooseNode(
      controller.app.mirror,
      cluster,
      { newcomer: { id: 'x', name: 'x' }, input, networks: [], only: undefined },
      Date.now(),
    );
  const first = performance.now();
  await place();
  console.log(`first placement, which reads everything: ${(performance.now() - first).toFixed(0)} ms`);
  await tell('a place among all nodes', place);
  await tell('create, planned (--plan)', (round) =>
    call('createInstance', { ...wish(`p${round}`), query: { plan: true } }),
  );
  const nics = [{ network: 'lan' }];
  await tell('create, planned, with an address of a pool', (round) =>
    call('createInstance', { ...wish(`q${round}`, { nics, nameCheck: false }), query: { plan: true } }),
  );
  const vast = { memoryMiB: 261_500, vcpus: 1 };
  await tell('create, refused, with moves that would help', (round) =>
    call('createInstance', { ...wish(`r${round}`, vast), query: { plan: true } }).then(
      () => Promise.reject(new Error('it has room')),
      (error: unknown) =>
        round === 0 ? console.log(String(error), (error as { hint?: string }).hint) : undefined,
    ),
  );
  await tell('create, committed', (round) => call('createInstance', wish(`made${round}`)));
  await tell('list, a page of 200', () => get('/v1/instances'));
  await tell('list, a page of 1000', () => get('/v1/instances?limit=1000'));
  await tell('list by label, 100 of them', () => get('/v1/instances?labels=tier%3Ddb'));
  await tell('list, all in pages of 1000', everyPage);
} finally {
  await door.close();
  await store.close();
  await rm(dir, { recursive: true });
}
