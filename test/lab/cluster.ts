/**
 * A whole cluster of one machine for tests: the daemons that the CLI starts, libvirt, bridge, DHCP and guests, all in
 * namespaces of their own. Nothing of the host's libvirt, of its network or of a running demo is touched; only the cache of
 * kernels and debootstrap's bases is shared.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Leftovers, leftoversOf } from './leftovers.ts';
import {
  type PrivateLibvirtd,
  type PrivateLibvirtdOptions,
  startPrivateLibvirtd,
} from './private-libvirtd.ts';
import { ended, type NamespaceProcess, processesBelow } from './processes.ts';
import { type Ran, type RunOptions, run, succeed } from './run.ts';

export const GANTRY = fileURLToPath(new URL('../../bin/gantry', import.meta.url));
export const CACHE = process.env['GANTRY_CACHE'] ?? '/var/cache/gantry';

export type Part = 'agent' | 'server' | 'libvirtd' | 'qemu' | 'dnsmasq';

export interface Cluster {
  /** Everything of this run lies below. */
  readonly dir: string;
  /** `--state` of the cluster. */
  readonly state: string;
  /** Environment of the CLI: a configuration of this run alone. */
  readonly env: NodeJS.ProcessEnv;
  /** A private key whose public half is in `${sshKey}.pub`. */
  readonly sshKey: string;
  /** Runs the CLI as a user would, from outside the namespaces. */
  gantry(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same, and its output as JSON. @throws unless it exits with 0 */
  json<T>(...args: string[]): Promise<T>;
  /** Runs the CLI. @throws unless it exits with 0 */
  ok(...args: string[]): Promise<string>;
  /** The argv that runs `argv` inside the namespaces. */
  enter(argv: readonly string[]): string[];
  /** Runs inside. @throws unless it exits with 0 */
  exec(...argv: string[]): Promise<string>;
  /** Runs a command in a guest, as root unless told. */
  ssh(address: string, command: string, user?: string): Promise<Ran>;
  /** The processes of a part that run now. */
  processes(part: Part): Promise<NamespaceProcess[]>;
  /** SIGKILL, and waits for the end. */
  kill9(...parts: Part[]): Promise<void>;
  /** Starts whatever of libvirtd, controller and agent does not run. */
  start(): Promise<void>;
  /** Everything dies at once, guests too. What is on disk stays. */
  powerCut(): Promise<void>;
  /** After a power cut: the machine boots, with a new boot id, and starts libvirt; start() does the rest. */
  boot(): Promise<void>;
  /** The ends of both daemons' logs. */
  logs(): Promise<string>;
  /** Ends and removes everything. What is left in spite of that is returned. */
  stop(): Promise<Leftovers>;
}

export interface ClusterOptions {
  /** Runs inside once the namespaces are there, before anything of Gantry. */
  readonly prepare?: (libvirtd: PrivateLibvirtd, dir: string) => Promise<void>;
  readonly libvirtd?: Omit<PrivateLibvirtdOptions, 'dir'>;
  /** Added to `gantry cluster init`. */
  readonly init?: readonly string[];
}

/** Needs root and what script/setup installs. Of a start that fails nothing is left. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const dir = await mkdtemp(join(tmpdir(), 'gantry-e2e-'));
  await chmod(dir, 0o755); // the controller and QEMU run as users of their own
  const cluster = new Lab(dir, options);
  try {
    await cluster.boot();
    await cluster.init();
    return cluster;
  } catch (error) {
    const logs = await cluster.logs();
    await cluster.stop();
    throw new Error(`the cluster did not start: ${String(error)}\n${logs}`, { cause: error });
  }
}

const commandLines: Record<Part, RegExp> = {
  agent: /\bagent\.mjs\0--state\0/,
  server: /\bserver\.mjs\0--state\0/,
  libvirtd: /^libvirtd\0/,
  // Of guests: libvirt and the agent start others to ask them what they can, at times of their own.
  qemu: /^[^\0]*qemu-system-.*\0-name\0guest=/s,
  dnsmasq: /^[^\0]*dnsmasq\0/,
};

class Lab implements Cluster {
  readonly dir: string;
  readonly state: string;
  readonly sshKey: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #options: ClusterOptions;
  #libvirtd: PrivateLibvirtd | undefined;
  #cgroups: string[] = [];

  constructor(dir: string, options: ClusterOptions) {
    this.dir = dir;
    this.state = join(dir, 'state');
    this.sshKey = join(dir, 'id_ed25519');
    this.#options = options;
    const { GANTRY_CLUSTER: _, GANTRY_ENDPOINT: __, GANTRY_TOKEN: ___, ...rest } = process.env;
    this.env = { ...rest, GANTRY_CONFIG: join(dir, 'config.json'), NO_COLOR: '1' };
  }

  get #running(): PrivateLibvirtd {
    if (!this.#libvirtd) throw new Error('the cluster is down');
    return this.#libvirtd;
  }

  async boot(): Promise<void> {
    const libvirtd = await startPrivateLibvirtd({
      ...this.#options.libvirtd,
      dir: join(this.dir, 'libvirt'),
    });
    this.#libvirtd = libvirtd;
    const cgroups = await readFile(join(libvirtd.dir, 'cgroups'), 'utf8');
    this.#cgroups.push(...cgroups.split('\n').filter(Boolean));
    // A new boot, for all that asks the kernel.
    const bootId = join(this.dir, 'boot-id');
    await writeFile(bootId, `${randomUUID()}\n`, { mode: 0o444 });
    await this.exec('mount', '--bind', bootId, '/proc/sys/kernel/random/boot_id');
    await this.#options.prepare?.(libvirtd, this.dir);
  }

  /** What script/demo does, in namespaces of this run. */
  async init(): Promise<void> {
    await mkdir(this.state, { mode: 0o755 });
    await succeed(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', this.sshKey]);
    await this.#prepareBase();
    const where = ['--state', this.state, '--libvirt', this.#running.socketPath, '--cache', CACHE];
    await this.#inside(
      'cluster',
      'init',
      '--yes',
      '--detach',
      '--name',
      'e2e',
      '--node',
      'node1',
      ...where,
      ...(this.#options.init ?? []),
    );
  }

  /** Only this uses the host's network, for debootstrap's mirror; all but the first find it in the cache. */
  async #prepareBase(): Promise<void> {
    const mounts = ['nsenter', '--target', String(this.#running.pid), '--mount', '--pid', '--'];
    const words = ['agent', '--prepare', 'debootstrap+bookworm', '--state', this.state, '--cache', CACHE];
    await succeed([...mounts, GANTRY, ...words], { env: this.env });
  }

  #inside = (...args: string[]): Promise<string> => succeed(this.enter([GANTRY, ...args]), { env: this.env });

  gantry(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run([GANTRY, ...args], { ...options, env: { ...this.env, ...options.env } });
  }

  ok(...args: string[]): Promise<string> {
    return succeed([GANTRY, ...args], { env: this.env });
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.ok(...args, '-o', 'json')) as T;
  }

  enter(argv: readonly string[]): string[] {
    return this.#running.enter(argv);
  }

  exec(...argv: string[]): Promise<string> {
    return succeed(this.enter(argv));
  }

  ssh(address: string, command: string, user = 'root'): Promise<Ran> {
    const options = [
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'BatchMode=yes',
    ];
    // An emulated guest works seconds on each handshake: one connection carries all commands. A guest that booted anew
    // ends it; one that is slow has not gone.
    const shared = ['ControlMaster=auto', `ControlPath=${join(this.dir, 'ssh-%C')}`, 'ControlPersist=yes'];
    const limits = ['ConnectTimeout=60', 'ServerAliveInterval=5', 'ServerAliveCountMax=12'];
    const flags = [...options, ...shared, ...limits].flatMap((option) => ['-o', option]);
    return run(this.enter(['ssh', '-i', this.sshKey, ...flags, `${user}@${address}`, command]));
  }

  async processes(part: Part): Promise<NamespaceProcess[]> {
    const all = await processesBelow(this.#running.pid);
    return all.filter(({ commandLine }) => commandLines[part].test(commandLine));
  }

  async kill9(...parts: Part[]): Promise<void> {
    const victims = (await Promise.all(parts.map((part) => this.processes(part)))).flat();
    for (const { hostPid } of victims) killIfThere(hostPid);
    await Promise.all(victims.map(ended));
  }

  async start(): Promise<void> {
    if ((await this.processes('libvirtd')).length === 0) await this.#running.startDaemon();
    await this.#inside('cluster', 'start', '--state', this.state);
  }

  async powerCut(): Promise<void> {
    await this.#libvirtd?.stop();
    this.#libvirtd = undefined;
  }

  async stop(): Promise<Leftovers> {
    await this.powerCut();
    const left = await leftoversOf(this.dir, this.#cgroups);
    await rm(this.dir, { recursive: true, force: true });
    return left;
  }

  /** The ends of both daemons' logs. */
  async logs(): Promise<string> {
    const ends = ['server', 'agent'].map(async (daemon) => {
      const log = await readFile(join(this.state, 'log', `${daemon}.log`), 'utf8').catch(() => '');
      return `--- ${daemon}\n${log.slice(-3000)}`;
    });
    return (await Promise.all(ends)).join('\n');
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
