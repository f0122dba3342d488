/** The end of a cluster of three machines: of it nothing is left but what a node that could not be told has, and that goes there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '@gantry/model';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { GANTRY } from '../../lab/cluster.ts';
import { type Examples, examplesOf } from '../../lab/examples.ts';
import { type Fleet, type Member, startFleet } from '../../lab/fleet.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { type NamespaceProcess, processesBelow } from '../../lab/processes.ts';
import { type Ran, run } from '../../lab/run.ts';
import { writeTinyGuest } from '../../lab/tiny-guest.ts';
import { until } from '../../lab/wait.ts';

let fleet: Fleet;
let node2: Member;
let node3: Member;

beforeAll(async () => {
  fleet = await startFleet();
  const { first } = fleet;
  node2 = await fleet.node(2);
  node3 = await fleet.node(3);
  const tiny = join(first.dir, 'tiny.raw');
  await writeTinyGuest(tiny);
  await first.ok('image', 'import', tiny, 'tiny');
  const size = ['--image', 'tiny', '--vcpus', '1', '--memory', '32M', '--disk', '1M'];
  for (const [name, node] of [
    ['one', 'node1'],
    ['two', 'node2'],
    ['three', 'node3'],
  ] as const)
    await first.ok('instance', 'create', name, '--node', node, ...size);
  await first.ok('instance', 'create', 'down', '--node', 'node2', '--stopped', ...size);
  await first.ok('disk', 'create', 'spare', '--size', '1M');
}, 1_200_000);
afterAll(async () => {
  expect(await fleet?.stop()).toEqual(nothingLeft);
});

const ends = [
  examplesOf('docs/ending-a-cluster.md', 'The end of a cluster, and of a node in it'),
  examplesOf('docs/ending-a-cluster.md', 'A node that could not be told'),
] as const;
const recovery = examplesOf('docs/access.md', 'Tokens');
/** The words of an example, with names of this cluster, on a machine with that state. */
const example = (of: Examples, start: string, state: string) => [
  ...of.take(start, { prod: 'e2e', n3: 'node3' }),
  '--state',
  state,
];
/** On the controller's machine. */
const words = (...more: string[]) => [GANTRY, 'cluster', 'destroy', '--state', fleet.first.state, ...more];
const destroy = (...more: string[]): Promise<Ran> =>
  run(fleet.first.enter(words(...more)), { env: fleet.first.env });

/** As the documentation has it. */
const shown = (start: string): Promise<Ran> =>
  run(fleet.first.enter([GANTRY, ...example(ends[0], start, fleet.first.state)]), { env: fleet.first.env });

interface Machine {
  exec(...argv: string[]): Promise<string>;
}
/** All that Gantry makes on a machine. */
async function remains(machine: Machine, all: NamespaceProcess[], state: string) {
  return {
    processes: all.map(({ commandLine }) => commandLine),
    domains: (await machine.exec('virsh', '--quiet', 'list', '--all', '--name')).trim(),
    links: /gantry0|gt[0-9a-f]{10}n/.exec(await machine.exec('ip', '-oneline', 'link', 'show')),
    rules: await machine.exec('nft', 'list', 'ruleset'),
    certificates: (await machine.exec('find', '/etc/pki', '-type', 'f')).trim(),
    files: existsSync(state) ? await readdir(state) : [],
  };
}
const ofMember = async ({ libvirtd }: Member) =>
  (await processesBelow(libvirtd.pid)).filter(({ commandLine }) =>
    /\b(agent|server|gantry)\.mjs\0|qemu-system|dnsmasq\0/.test(commandLine),
  );
const ofFirst = async () =>
  (
    await Promise.all(
      (['agent', 'server', 'qemu', 'dnsmasq'] as const).map(fleet.first.processes, fleet.first),
    )
  ).flat();
/** A process that holds the locks of these machines. */
async function holderOf(states: readonly string[]) {
  const folder = new URL('../../../packages/cli/src/cluster/', import.meta.url);
  const script = `import { alone } from ${JSON.stringify(new URL('machine-lock.ts', folder).href)};
    import { layoutOf } from ${JSON.stringify(new URL('layout.ts', folder).href)};
    const held = ${JSON.stringify(states)}.map((state) => new Promise((got) =>
      alone(layoutOf(state), () => { got(); return new Promise(() => {}); })));
    await Promise.all(held);
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}
const nothing = { processes: [], domains: '', links: null, rules: '', certificates: '', files: [] };

test('root makes a new token of an administrator, and the audit tells of it', async () => {
  const { first } = fleet;
  const words = [GANTRY, ...example(recovery, 'cluster recover-admin', first.state), '--yes', '-o', 'json'];
  const before = await first.processes('qemu');
  const { GANTRY_CONFIG: _, ...env } = first.env;
  const recovered = await run(first.enter(words), {
    env: { ...env, GANTRY_CONFIG: join(first.dir, 'root.json') },
  });
  expect(recovered.code, recovered.stderr).toBe(0);
  expect(JSON.parse(recovered.stdout)).toMatchObject({ done: 'cluster.recover-admin', user: 'admin' });
  const token = (await readFile(join(first.state, 'admin-token'), 'utf8')).trim();
  const asRoot = { env: { ...first.env, GANTRY_TOKEN: token } };
  const audit = await first.gantry(['audit', 'list', '--output', 'json'], asRoot);
  expect(audit.stdout).toMatch(/"access\.recovered"/);
  for (const text of [audit.stdout, recovered.stdout]) expect(text).not.toContain(token);
  expect(await first.processes('qemu')).toEqual(before);
  expect(recovery.left()).toEqual([]);
});

test('a plan says what would be lost, and changes nothing', async () => {
  const { code, stdout, stderr } = await shown('cluster destroy --plan');
  expect(stderr).toMatch(/guests of cluster e2e are up: .*\[guests_up\]/);
  expect(code).toBe(5);
  expect(stdout).toMatch(/running +3: (one|two|three), /);
  expect(stdout).toMatch(/stopped +1: down/);
  expect(stdout).toMatch(/disks +5, 5 MiB/);
  expect(stdout).toMatch(/images +tiny \(/);
  expect((await destroy('--plan', '--stop-guests')).code).toBe(0);
  expect((await fleet.first.json<Node>('node', 'show', 'node2')).spec.role).toBe('active');
});

test('while one command is at work on a machine, no other one takes, starts, stops or moves its cluster', async () => {
  const free = join(fleet.first.dir, 'free');
  const states = [fleet.first.state, node2.state, free];
  const holder = await holderOf(states);
  onTestFinished(() => void holder.kill('SIGKILL'));
  const own = ['--state', fleet.first.state];
  const there = [join(fleet.first.dir, 'node2/bin/gantry'), 'node'];
  const join2 = ['join', '--api', 'https://10.99.0.1:7460', '--ca', '/etc/hostname', '--name', 'node2'];
  const all = await Promise.all([
    run(fleet.first.enter([GANTRY, 'cluster', 'start', ...own]), { env: fleet.first.env }),
    run(fleet.first.enter([GANTRY, 'cluster', 'stop', ...own]), { env: fleet.first.env }),
    run(fleet.first.enter([GANTRY, 'cluster', 'listen', '10.99.0.1:7461', ...own]), { env: fleet.first.env }),
    run(fleet.first.enter([GANTRY, 'cluster', 'init', '--yes', '--detach', '--state', free]), {
      env: fleet.first.env,
    }),
    destroy('--yes', 'e2e', '--stop-guests'),
    node2.run([...there, 'start', '--state', node2.state]),
    node2.run([...there, ...join2, '--state', node2.state], { GANTRY_JOIN_TOKEN: 'of-no-use' }),
  ]);
  for (const { code, stderr } of all) {
    expect(stderr).toMatch(/another command is at work .*\[machine_busy\]/);
    expect(code).toBe(5);
  }
  expect(existsSync(join(free, 'cluster.json'))).toBe(false);
  expect(await fleet.first.processes('server')).toHaveLength(1);
  holder.kill('SIGKILL');
  await once(holder, 'close');
  await fleet.first.start();
});

test('it wants the name, and the word that guests are stopped', async () => {
  const refused = { code: 2, stderr: expect.stringContaining('nothing was changed') };
  expect(await shown('cluster destroy')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[guests_up]'),
  });
  expect(await destroy('--stop-guests')).toMatchObject(refused);
  expect(await destroy('--stop-guests', '--yes')).toMatchObject(refused);
  expect(await destroy('--stop-guests', '--yes', 'prod')).toMatchObject(refused);
  expect(await shown('cluster destroy --yes prod')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('[guests_up]'),
  });
  await fleet.first.ok('instance', 'set', 'down', '--protect', 'yes');
  const kept = await destroy('--yes', 'e2e', '--stop-guests');
  expect(kept).toMatchObject({ code: 5, stderr: expect.stringContaining('down (protected)') });
  await fleet.first.ok('instance', 'set', 'down', '--protect', 'no');
  expect(await fleet.first.processes('qemu')).toHaveLength(1);
});

test('a node that cannot be reached is named, with what to do there', async () => {
  await node3.exec('ip', 'link', 'set', 'fab0', 'down');
  await until(
    'the loss',
    async () => (await fleet.first.json<Node>('node', 'show', 'node3')).status.state === 'lost',
  );
  const { code, stderr } = await shown('cluster destroy --yes prod --stop-guests');
  expect(code).toBe(5);
  expect(stderr).toMatch(/not reached +node3: three and their disks stay there/);
  expect(stderr).toMatch(/\[nodes_silent\][\s\S]*gantry node leave --cluster-gone/);
});

test('killed in the middle, and again, it is completed by the next run', async () => {
  const sure = ['--yes', 'e2e', '--stop-guests', '--leave-behind', 'node3'];
  for (const moment of [/What is lost/, /takes off what it has/]) {
    const [program = '', ...rest] = fleet.first.enter(words(...sure));
    const child = spawn(program, rest, {
      env: fleet.first.env,
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (moment.test(said) && child.pid) process.kill(-child.pid, 'SIGKILL');
    });
    await once(child, 'close');
    expect(said).toMatch(moment);
    expect(existsSync(join(fleet.first.state, 'cluster.json'))).toBe(true);
  }
  const last = await destroy(...sure, '-o', 'json');
  expect(last.code, last.stderr).toBe(0);
  const answer: unknown = JSON.parse(last.stdout);
  expect(answer).toMatchObject({ done: 'cluster.destroy', cluster: { name: 'e2e' }, leftBehind: ['node3'] });
  expect(last.stderr).toMatch(/cluster e2e is gone/);
});

test('nothing of it is left on the machines that were reached', async () => {
  const first = await remains(fleet.first, await ofFirst(), fleet.first.state);
  expect(first).toEqual(nothing);
  expect(existsSync(fleet.first.state)).toBe(false);
  await until('node2 is clear', async () => (await readdir(node2.state)).length === 0);
  // what cleared it ends last
  await expect.poll(async () => remains(node2, await ofMember(node2), node2.state)).toEqual(nothing);
});

test('the node that was left behind has its guest, until it is cleared there by name', async () => {
  const gantry = join(fleet.first.dir, 'node3/bin/gantry');
  const leave = (...more: string[]) => node3.run([gantry, 'node', 'leave', '--state', node3.state, ...more]);
  expect(await node3.exec('virsh', '--quiet', 'list', '--name')).toMatch(/^three-/);
  expect((await leave('--yes')).code).not.toBe(0);
  expect((await leave('--cluster-gone', '--yes')).stderr).toMatch(/nothing was changed/);
  expect(await node3.exec('virsh', '--quiet', 'list', '--name')).toMatch(/^three-/);
  const left = await node3.run([gantry, ...example(ends[1], 'node leave', node3.state)]);
  expect(left.code, left.stderr).toBe(0);
  expect(await remains(node3, await ofMember(node3), node3.state)).toEqual(nothing);
  expect(ends.flatMap((part) => part.left())).toEqual([]);
});
