/** An instance from its creation to its deletion, as its user sees it, on a real cluster. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Instance } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, GANTRY, startCluster } from '../../lab/cluster.ts';
import { type Inventory, inventory } from '../../lab/inventory.ts';
import { nothingLeft } from '../../lab/leftovers.ts';
import { run, succeed } from '../../lab/run.ts';
import { openTerminal, type Terminal } from '../../lab/terminal.ts';
import { until } from '../../lab/wait.ts';

let cluster: Cluster;
let before: Inventory;
let address: string;
const terminals: Terminal[] = [];

beforeAll(async () => {
  cluster = await startCluster();
  before = await inventory(cluster);
});
afterAll(async () => {
  for (const terminal of terminals) await terminal.close();
  await cluster.stop();
});

const terminal = async (...argv: string[]): Promise<Terminal> => {
  const opened = await openTerminal(cluster.dir, argv, { ...cluster.env, HOME: cluster.dir, PS1: '$ ' });
  terminals.push(opened);
  return opened;
};

test('launch ends with the first ping, and says so', async () => {
  const args = ['launch', 'debian/12', 'web1', '--until', 'ping', '--disk-cache', 'writeback'];
  const { code, stderr } = await cluster.gantry([...args, '--ssh-key', `${cluster.sshKey}.pub`]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/timeline .*QEMU running \+.*first ping \+/);
  const { spec, status } = await cluster.json<Instance>('instance', 'show', 'web1');
  address = spec.nics[0]?.ipv4 ?? '';
  expect(status.state).toBe('running');
  await until('its answer', () => cluster.exec('ping', '-c', '1', '-W', '5', address));
});

test('show names for every setting where it comes from', async () => {
  const shown = await cluster.ok('instance', 'show', 'web1');
  expect(shown).toMatch(/^ {2}\* memory +unit=MiB 512 +flavor \(memoryMiB\) +size of/m);
  expect(shown).toMatch(/^ {2}\* devices\/disk\[vda\]\/driver .*cache=writeback.* instance \(diskCache\)/m);
  expect(shown).toMatch(/^ {4}devices\/rng .* builtin \(hw_rng:allowed\)/m);
  expect(shown).toMatch(
    /^ {4}\/domain .*type=qemu.* host \(accelerator\) +KVM does not run guests on this node/m,
  );
  const rows = shown
    .slice(shown.indexOf('SETTING'))
    .split('\n')
    .filter((row) => row.startsWith('    '));
  expect(
    rows.filter((row) => !/ (builtin|host|flavor|image|instance|cluster) \(.+\) {2,}\S/.test(row)),
  ).toEqual([]);
});

test('list shows it, and a name that is taken is refused', async () => {
  expect(await cluster.ok('list')).toMatch(/^web1 +running +node1 +1 +512 MiB +192\.168\.77\.2 /m);
  const again = await cluster.gantry(['launch', 'debian/12', 'web1']);
  expect(again).toMatchObject({ code: 5, stderr: expect.stringContaining('[name_taken]') });
});

test('the controller may do nothing as root, and its secrets are kept', async () => {
  const [server] = await cluster.processes('server');
  const [agent] = await cluster.processes('agent');
  const status = await readFile(`/proc/${server?.hostPid}/status`, 'utf8');
  const uid = Number((await succeed(['id', '-u', 'gantry'])).trim());
  expect(uid).toBeGreaterThan(0);
  expect(status).toContain(`Uid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
  expect(status).toMatch(/^CapEff:\t0+$/m);
  expect(await readFile(`/proc/${agent?.hostPid}/status`, 'utf8')).toContain('Uid:\t0\t0\t0\t0\n');
  const mode = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);
  const inState = (path: string) => mode(join(cluster.state, path));
  expect(await inState('admin-token')).toBe('600');
  expect(await inState('agent/token')).toBe('600');
  expect(await inState('controller')).toBe('750');
  expect(await mode(join(cluster.dir, 'config.json'))).toBe('600');
  // Whoever may open the socket still needs a token; nobody but root may replace it by his own.
  expect(await inState('run')).toBe('1775');
});

test('the socket alone opens nothing: a token is needed', async () => {
  const local = { GANTRY_ENDPOINT: `unix:${join(cluster.state, 'run', 'api.sock')}` };
  for (const env of [local, { ...local, GANTRY_TOKEN: 'gty_wrong' }, { GANTRY_TOKEN: 'gty_wrong' }])
    expect(await cluster.gantry(['list'], { env })).toMatchObject({
      code: 4,
      stdout: '',
      stderr: expect.stringContaining('[unauthenticated]'),
    });
});

test('the console in a terminal: attach, type, see the guest answer, leave', async () => {
  // systemd waits 90 s for the device: in a guest as slow as this machine may make it, the prompt is asked for again.
  const getty = () => cluster.ssh(address, 'systemctl start serial-getty@ttyS0');
  await until('a prompt that listens', async () => (await getty()).code === 0);
  const shell = await terminal('/bin/bash', '--norc', '--noprofile');
  await shell.type(`stty -g >${cluster.dir}/stty.before; ${GANTRY} console web1`);
  await shell.press('Enter');
  await shell.shows(/leave with Ctrl-\]/);
  await shell.press('Enter');
  // the console is root's, unless the OS parameter console_login says otherwise
  await shell.shows(/root@web1:~#/);
  await shell.type('echo guest=$((7*7))');
  await shell.press('Enter');
  await shell.shows(/guest=49/);
  await shell.press('C-]');
  await shell.shows(/left; web1 goes on/);
  await shell.type(`stty -g >${cluster.dir}/stty.after; echo typed=$((6*7))`);
  await shell.press('Enter');
  await shell.shows(/echo typed=.*\n.*typed=42/s);
  const [earlier, later] = await Promise.all(
    ['before', 'after'].map((when) => readFile(join(cluster.dir, `stty.${when}`), 'utf8')),
  );
  expect(later).toBe(earlier);
  await shell.close();
});

test('the console through a pipe, and what it said in the logs', async () => {
  await until('a prompt', async () => {
    const { code, stdout } = await cluster.gantry(['console', 'web1'], { input: '\n' });
    return code === 0 && /root@web1:~#/.test(stdout);
  });
  expect(await cluster.ok('logs', 'web1')).toMatch(/Debian GNU\/Linux 12 web1 ttyS0/);
});

describe('completion, once installed, in a shell that was just opened', () => {
  /** The folders of all shells as empty ones, in the cluster's mounts alone. */
  const folders = ['bash-completion/completions', 'zsh/vendor-completions', 'fish/vendor_completions.d'];

  beforeAll(async () => {
    const home = join(cluster.dir, 'home');
    await mkdir(home);
    for (const [index, folder] of folders.entries()) {
      const empty = join(home, String(index));
      await mkdir(empty);
      await cluster.exec('mount', '--bind', empty, join('/usr/share', folder));
    }
    await writeFile(join(home, '.bashrc'), '. /usr/share/bash-completion/bash_completion\n');
    await writeFile(join(home, '.zshrc'), 'autoload -U compinit; compinit\n');
    await cluster.exec(GANTRY, 'completion', 'install');
  });

  test.each(['bash', 'zsh', 'fish'])(
    '%s knows commands, options and the names of instances',
    async (name) => {
      const env = { HOME: join(cluster.dir, 'home'), PATH: `${dirname(GANTRY)}:${process.env['PATH']}` };
      const words = Object.entries(env).map(([key, value]) => `${key}=${value}`);
      const shell = await terminal(...cluster.enter(['env', '-C', '/', ...words, name, '-i']));
      await shell.shows(/[$#%>] *$/m);
      // Names that do not come at once are left out, and a person presses the key again.
      const completed = (pattern: RegExp) =>
        until('the completion', async () => {
          await shell.press('Tab');
          return await shell.shows(pattern, 60_000);
        });
      await shell.type('gantry inst');
      await completed(/gantry instance/);
      await shell.type('show w');
      await completed(/gantry instance show web1/);
      await shell.type('--outp');
      await completed(/gantry instance show web1 --output/);
      await shell.close();
    },
  );
});

test('ssh with the key that was given, as the host that was named', async () => {
  const { stdout, stderr } = await cluster.ssh(address, 'hostname; cat /etc/machine-id');
  const { id } = await cluster.json<Instance>('instance', 'show', 'web1');
  expect(stdout, stderr).toBe(`web1\n${id.replaceAll('-', '')}\n`);
});

test('paused it stands still, resumed it goes on; an interrupt reaches its kernel', async () => {
  const answers = () => run(cluster.enter(['ping', '-c', '1', '-W', '1', address]));
  await cluster.ok('instance', 'pause', 'web1');
  expect((await answers()).code).toBe(1);
  const { status } = await cluster.json<Instance>('instance', 'show', 'web1');
  expect(status).toMatchObject({
    state: 'paused',
    reason: expect.stringContaining('gantry instance resume'),
  });
  await cluster.ok('instance', 'resume', 'web1');
  await until('it answers again', async () => (await answers()).code === 0);
  await cluster.ok('instance', 'nmi', 'web1');
  await until('its kernel says so', async () =>
    /NMI received/.test((await cluster.ssh(address, 'dmesg')).stdout),
  );
});

test('delete asks, and leaves nothing', async () => {
  const asked = await cluster.gantry(['instance', 'delete', 'web1']);
  expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  expect((await inventory(cluster)).domains).toEqual([expect.stringMatching(/^web1-[0-9a-f]{8}$/)]);
  await cluster.ok('instance', 'delete', 'web1', '--yes');
  expect(await inventory(cluster)).toEqual(before);
  const gone = await cluster.gantry(['instance', 'show', 'web1']);
  expect(gone).toMatchObject({ code: 3, stderr: expect.stringContaining('[not_found]') });
});

test('cluster destroy takes back what cluster init made', async () => {
  await cluster.ok('launch', 'debian/12', 'web2', '--until', 'running');
  const here = ['--state', cluster.state, '--yes', 'e2e'];
  const destroy = (...more: string[]) =>
    succeed(cluster.enter([GANTRY, 'cluster', 'destroy', ...here, ...more]), { env: cluster.env });
  await expect(destroy()).rejects.toThrow(/\[guests_up\]/);
  await destroy('--stop-guests');
  await expect(stat(cluster.state)).rejects.toThrow(/ENOENT/);
  for (const part of ['agent', 'server', 'qemu', 'dnsmasq'] as const)
    expect(await cluster.processes(part)).toEqual([]);
  expect(await cluster.exec('ip', '-oneline', 'link', 'show')).not.toMatch(/gantry0|gt[0-9a-f]{10}n/);
  expect(await cluster.exec('nft', 'list', 'ruleset')).toBe('');
  expect(await cluster.exec('virsh', '--quiet', 'list', '--all', '--name')).toBe('');
});

test('of the lab itself nothing is left on the machine', async () => {
  for (const opened of terminals.splice(0)) await opened.close();
  expect(await cluster.stop()).toEqual(nothingLeft);
  await expect(stat(cluster.dir)).rejects.toThrow(/ENOENT/);
});
