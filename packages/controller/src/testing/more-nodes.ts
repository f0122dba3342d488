/** More nodes for a cluster in memory, each with an agent of its own. */
import type { TestCluster } from './cluster.ts';
import { FakeAgent } from './fake-agent.ts';

/** Ready, with the facts given. */
export async function addNode(
  { call, controller, env }: Pick<TestCluster, 'call' | 'controller' | 'env'>,
  name: string,
  { group, facts }: { group?: string; facts?: Partial<FakeAgent['facts']> } = {},
): Promise<FakeAgent> {
  await call('addNode', { body: { name, ...(group ? { group } : {}) } });
  const spec = { role: 'agent', node: name };
  const { secret } = await call<{ secret: string }>('createToken', { body: { name: `test-${name}`, spec } });
  const agent = new FakeAgent(controller, env, secret);
  agent.facts = { ...agent.facts, ...facts };
  await agent.hello();
  return agent;
}
