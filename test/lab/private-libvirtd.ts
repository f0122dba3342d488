import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, cp, mkdir, open, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('../../script/lib/private-libvirtd.sh', import.meta.url));
const START_MS = 120_000;
/** A unix socket's address holds no more (sun_path, with the NUL). */
const SOCKET_PATH_MAX = 107;

export interface PrivateLibvirtdOptions {
  /** Where everything is kept: configuration, state, logs, sockets. Made when missing, kept by stop(). */
  readonly dir: string;
  /** Where libvirt keeps what it found out about QEMU (8 s to find out anew); shared by all unless told. */
  readonly cacheDir?: string;
  /** Lines added to libvirtd.conf. */
  readonly libvirtdConf?: readonly string[];
  /** Lines added to qemu.conf. */
  readonly qemuConf?: readonly string[];
  /** Lines of /etc/sasl2/libvirt.conf; the host's own file is not seen. */
  readonly saslConf?: readonly string[];
  /** Host name inside; without it that of this machine. */
  readonly hostName?: string;
  /** Listens on TCP and TLS, as libvirtd.conf says; files for /etc/pki by their path there. */
  readonly listen?: { readonly pki: Readonly<Record<string, string>> };
}

export interface PrivateLibvirtd {
  readonly dir: string;
  /** The daemon's socket, to be opened from outside the namespaces. */
  readonly socketPath: string;
  /** Host pid of the namespaces' init; `ip link add ... netns PID` reaches its network. */
  readonly pid: number;
  /** The argv that runs `argv` inside. */
  enter(argv: readonly string[]): string[];
  /** Runs `argv` inside and gives its output. */
  exec(argv: readonly string[]): Promise<{ stdout: string; stderr: string }>;
  /** Kills libvirtd alone (guests live on) with `signal`. */
  killDaemon(signal?: string): Promise<void>;
  /** Starts libvirtd again after killDaemon(). */
  startDaemon(): Promise<void>;
  /** A power cut: every process inside dies at once. Nothing but `dir` stays. */
  stop(): Promise<void>;
}

/** Starts a libvirtd that shares nothing with the host's own: needs root, libvirt-daemon-system, QEMU and iproute2. */
export async function startPrivateLibvirtd(options: PrivateLibvirtdOptions): Promise<PrivateLibvirtd> {
  const { dir } = options;
  const socketPath = join(dir, 'run', 'libvirt-sock');
  if (socketPath.length > SOCKET_PATH_MAX) throw new Error(`${socketPath}: too long for a unix socket`);
  await prepare(options);
  const log = await open(join(dir, 'init.log'), 'w');
  const cache = options.cacheDir ?? join(tmpdir(), 'gantry-test-libvirt-cache');
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const group = `gantry-test-${randomUUID()}`;
  const outer = spawn('/bin/bash', [SCRIPT, 'enter', dir, cache, group, ...daemonOptions(options)], {
    stdio: ['ignore', log.fd, log.fd],
    env: { ...process.env, NODE_NAME: options.hostName ?? '' },
  });
  await log.close();
  const exited = new Promise<void>((resolve) => outer.once('exit', () => resolve()));
  try {
    await ready(outer, dir, socketPath);
    return handle(outer, exited, dir, socketPath, await initPid(outer), daemonOptions(options));
  } catch (error) {
    outer.kill('SIGKILL');
    await exited;
    throw error;
  }
}

const daemonOptions = ({ listen }: PrivateLibvirtdOptions): string[] =>
  listen === undefined ? [] : ['--listen'];

async function prepare(options: PrivateLibvirtdOptions): Promise<void> {
  const { dir, libvirtdConf = [], qemuConf = [], saslConf, listen } = options;
  // A name left from an earlier start would be taken for an answer.
  await rm(join(dir, 'ready'), { force: true });
  await rm(join(dir, 'run'), { recursive: true, force: true });
  for (const part of ['run', 'etc', 'lib', 'log'])
    await mkdir(join(dir, part), { recursive: true, mode: 0o755 });
  await cp('/etc/libvirt/nwfilter', join(dir, 'etc', 'nwfilter'), { recursive: true }).catch(() => {});
  // Of a setting that is given twice libvirt takes the first.
  const base = [
    `host_uuid = "${await hostUuid(dir)}"`,
    'auth_unix_rw = "none"',
    'auth_unix_ro = "none"',
    'log_outputs = "2:file:/var/log/libvirt/libvirtd.log"',
  ];
  await writeFile(join(dir, 'etc', 'libvirtd.conf'), lines([...libvirtdConf, ...base]));
  await writeFile(join(dir, 'etc', 'qemu.conf'), lines(qemuConf));
  if (saslConf === undefined && listen === undefined) return;
  for (const part of ['sasl2', 'pki']) await mkdir(join(dir, part), { recursive: true, mode: 0o755 });
  await writeFile(join(dir, 'sasl2', 'libvirt.conf'), lines(saslConf ?? []));
  for (const [name, content] of Object.entries(listen?.pki ?? {})) {
    const path = join(dir, 'pki', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content, { mode: 0o600 });
  }
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');

/** The same over restarts; without one of its own a host refuses migrations from its neighbour as from itself. */
async function hostUuid(dir: string): Promise<string> {
  const path = join(dir, 'host-uuid');
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  if (kept !== undefined) return kept;
  const uuid = randomUUID();
  await writeFile(path, uuid);
  return uuid;
}

async function ready(outer: ChildProcess, dir: string, socketPath: string): Promise<void> {
  for (const deadline = performance.now() + START_MS; performance.now() < deadline; await sleep(20)) {
    if ((await exists(join(dir, 'ready'))) && (await exists(socketPath))) return;
    if (outer.exitCode !== null || outer.signalCode !== null) break;
  }
  const log = await readFile(join(dir, 'init.log'), 'utf8').catch(() => '');
  throw new Error(`the private libvirtd did not start: ${log.slice(-2000)}`);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** unshare's only child is pid 1 of the new pid namespace. */
async function initPid(outer: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8');
  const pid = Number(children.trim().split(' ')[0]);
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`no init process below ${outer.pid}`);
  return pid;
}

function handle(
  outer: ChildProcess,
  exited: Promise<void>,
  dir: string,
  socketPath: string,
  pid: number,
  daemonArguments: readonly string[],
): PrivateLibvirtd {
  const enter = (argv: readonly string[]): string[] => [
    ...['nsenter', '--target', String(pid), '--mount', '--net', '--uts', '--pid', '--cgroup', '--'],
    ...argv,
  ];
  const exec = (argv: readonly string[]): Promise<{ stdout: string; stderr: string }> => {
    const [command = '', ...rest] = enter(argv);
    return run(command, rest, { encoding: 'utf8' });
  };
  return {
    dir,
    socketPath,
    pid,
    enter,
    exec,
    async killDaemon(signal = 'KILL') {
      const daemon = (await exec(['cat', '/run/libvirtd.pid'])).stdout.trim();
      await exec(['kill', `-${signal}`, daemon]);
      while (await exists(`/proc/${pid}/root/proc/${daemon}`)) await sleep(10);
    },
    async startDaemon() {
      await exec(['libvirtd', '-d', ...daemonArguments]);
    },
    async stop() {
      if (outer.exitCode === null && outer.signalCode === null) outer.kill('SIGKILL');
      await exited;
      await removeCgroups(dir);
    },
  };
}

/** The kernel needs a moment until a killed process has left its cgroup. */
async function removeCgroups(dir: string): Promise<void> {
  const list = await readFile(join(dir, 'cgroups'), 'utf8').catch(() => '');
  for (const cgroup of list.split('\n').filter((line) => line !== '')) {
    const { stdout } = await run('find', [cgroup, '-depth', '-type', 'd']).catch(() => ({ stdout: '' }));
    for (const path of stdout.split('\n').filter((line) => line !== '')) await removeCgroup(path);
  }
}

async function removeCgroup(path: string): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    const gone = await rmdir(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (gone) return;
    await sleep(20);
  }
}
