/** A cluster of one fake node for tests: in memory, with a clock that the test moves. */
import type { Instance, Operation, RouteName } from '@gantry/model';
import type { Request } from '../api/call.ts';
import { type ClusterOptions, initCluster } from '../bootstrap.ts';
import { Controller } from '../controller.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { FakeAgent } from './fake-agent.ts';
import { fakeAuthority } from './fake-authority.ts';
import { memoryImages } from './memory-images.ts';
import { settle, type TestEnv, testEnv } from './test-env.ts';

export interface TestCluster {
  env: TestEnv;
  store: SqliteStore;
  controller: Controller;
  agent: FakeAgent;
  images: ReturnType<typeof memoryImages>;
  adminToken: string;
  agentToken: string;
  /** As the administrator; the body of the answer. */
  call<T = unknown>(route: RouteName, request?: Omit<Request, 'route' | 'token'>): Promise<T>;
  /** Agent and controller in turn until nothing changes any more. */
  converge(): Promise<void>;
  instance(name: string): Promise<Instance>;
  operation(number: number): Promise<Operation>;
  close(): Promise<void>;
}

export const network: NonNullable<ClusterOptions['network']> = {
  mode: 'nat',
  bridge: 'gy0',
  subnet: { cidr: '10.9.8.0/24', poolStart: '10.9.8.10', poolEnd: '10.9.8.13' },
};

/** @param path of its store */
export async function testCluster(path = ':memory:'): Promise<TestCluster> {
  const env = testEnv();
  const store = new SqliteStore(path);
  const images = memoryImages();
  const { adminToken, agentToken } = await initCluster(store, env, { name: 'test', node: 'n1', network });
  const remote = {
    authority: fakeAuthority(),
    certificates: () => [],
    url: 'https://controller.test:7460',
  };
  const controller = new Controller({ store, env, images, remote });
  const stop = new AbortController();
  const done = controller.run(stop.signal);
  const agent = new FakeAgent(controller, env, agentToken);
  await agent.hello();
  const call = async <T>(route: RouteName, request: Omit<Request, 'route' | 'token'> = {}) =>
    (await controller.call(route, { token: adminToken, ...request })).body as T;
  return {
    env,
    store,
    controller,
    agent,
    images,
    adminToken,
    agentToken,
    call,
    async converge() {
      for (let turn = 0; turn < 20; turn++) {
        const before = await store.revision();
        await settle();
        await agent.round();
        await settle();
        if ((await store.revision()) === before) return;
      }
      throw new Error('it does not converge');
    },
    instance: (name) => call<Instance>('getInstance', { params: { ref: name } }),
    operation: (number) => call<Operation>('getOperation', { params: { ref: String(number) } }),
    async close() {
      stop.abort();
      await done;
      await store.close();
    },
  };
}
