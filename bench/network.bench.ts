/** What the agent's networks cost: a look, a new network, a new lease, a removal. In namespaces of its own; needs root. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cable, driver, namespace } from '../test/lab/namespaces.ts';

const SCRIPT = fileURLToPath(new URL('../test/lab/network-driver.ts', import.meta.url));
const TAPS = 50;
const spec = (n: number) => ({
  network: `22222222-2222-4222-822${n}-222222222222`,
  node: '44444444-4444-4444-8444-444444444444',
  desired: 'present',
  mode: 'nat',
  bridge: `gbr${n}`,
  subnet: { cidr: `10.7${n}.0.0/24` },
  dhcp: true,
});
const lease = (n: number) => ({
  mac: `52:54:00:00:00:0${n}`,
  ipv4: `10.71.0.${n + 10}`,
  hostname: `guest${n}`,
});

const dir = await mkdtemp(join(tmpdir(), 'gantry-bench-'));
await chmod(dir, 0o755);
const [node, world] = await Promise.all([namespace('node'), namespace('world')]);
const agent = driver(node, SCRIPT, dir, '11111111-1111-4111-8111-111111111111');

const tell = (what: string, ms: number) => console.log(`${what.padEnd(44)} ${ms.toFixed(1).padStart(7)} ms`);
async function timed(what: string, method: string, ...args: unknown[]): Promise<void> {
  const began = performance.now();
  await agent.call(method, ...args);
  tell(what, performance.now() - began);
}

try {
  await cable(node, 'up0', world, 'down0');
  await node.exec('ip', 'addr', 'add', '192.0.2.2/24', 'dev', 'up0');
  await node.exec('ip', 'route', 'add', 'default', 'via', '192.0.2.1');
  await agent.call('observe');
  await timed('ensure: from nothing', 'ensure', spec(1), []);
  await timed('ensure: one lease more', 'ensure', spec(1), [lease(1)]);
  await timed('ensure: nothing to do', 'ensure', spec(1), [lease(1)]);
  await timed('ensure: one lease less (DHCP restarts)', 'ensure', spec(1), []);
  tell('observe: 1 network', await agent.call<number>('observeMs', 100));
  for (const n of [2, 3, 4]) await agent.call('ensure', spec(n), []);
  for (let n = 0; n < TAPS; n++) {
    await node.exec('ip', 'tuntap', 'add', `vnet${n}`, 'mode', 'tap');
    await node.exec('ip', 'link', 'set', `vnet${n}`, 'master', 'gbr2');
  }
  tell(`observe: 4 networks, ${TAPS} taps`, await agent.call<number>('observeMs', 100));
  for (let n = 0; n < TAPS; n++) await node.exec('ip', 'link', 'del', `vnet${n}`);
  await timed('remove', 'remove', spec(1));
} finally {
  for (const n of [1, 2, 3, 4]) await agent.call('remove', spec(n)).catch(console.error);
  await agent.kill();
  await Promise.all([node.remove(), world.remove()]);
  await rm(dir, { recursive: true, force: true });
}
