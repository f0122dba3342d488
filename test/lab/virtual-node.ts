/**
 * A whole machine as a node: Debian 12 with systemd, its own kernel, libvirt and QEMU, emulated by QEMU. For what
 * namespaces cannot give: all capabilities, limits and cgroups as on a machine of one's own. The checkout's release is in
 * it; of networks it sees none, and is reached by ssh on a port of the loopback.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GANTRY } from './cluster.ts';
import { qmp } from './qemu-monitor.ts';
import { type Ran, type RunOptions, run, succeed } from './run.ts';
import { virtualNodeBase } from './virtual-node-base.ts';
import { until } from './wait.ts';
import type { Leg } from './wire.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BOOT_MS = 600_000;
const MEMORY_MIB = 3072;
/** Bytes, of the NICs between virtual nodes. */
const JUMBO = 9216;
/** On a busy machine timers of an emulated one come too late for the kernel's check of them. */
const TIMERS = 'no_timer_check tsc=reliable';
const KERNEL_ARGS = `root=/dev/vda console=ttyS0 net.ifnames=0 quiet mitigations=off nokaslr panic=-1 ${TIMERS}`;

export interface VirtualNode {
  /** Runs as root in the node; the release's `gantry` is in the path. */
  run(argv: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Its output. @throws unless it exits with 0 */
  exec(...argv: string[]): Promise<string>;
  /** Reboots, as its operator would; ends when all units run again. */
  reboot(): Promise<void>;
  /** Its NIC `eth1`, `eth2`...: whether the cable is in. */
  cable(nic: string, plugged: boolean): Promise<void>;
  /** Pulls the plug; nothing is left. */
  stop(): Promise<void>;
}

export interface VirtualNodeOptions {
  readonly hostName?: string;
  /** Without Gantry: a machine that is to become a node. */
  readonly bare?: boolean;
  /** In the node these are eth1 and so on. */
  readonly legs?: readonly Leg[];
  /** NUMA cells, with a CPU each. Without: two CPUs and no NUMA. */
  readonly cells?: number;
}

/** Needs root and what script/setup installs. The very first start takes some minutes more, to make the base. */
export async function startVirtualNode(options: VirtualNodeOptions = {}): Promise<VirtualNode> {
  const base = await virtualNodeBase();
  const dir = await mkdtemp(join(tmpdir(), 'gantry-vm-'));
  const node = new Machine(dir, base, await freePort(), options);
  try {
    await node.boot();
    return node;
  } catch (error) {
    const logs = await node.logs();
    await node.stop();
    throw new Error(`the virtual node did not start: ${String(error)}\n${logs}`, { cause: error });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the loopback has no free port');
  return address.port;
}

/** ssh hands the far shell one line. */
const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

class Machine implements VirtualNode {
  readonly #dir: string;
  readonly #base: string;
  readonly #port: number;
  readonly #options: VirtualNodeOptions;
  #qemu: ChildProcess | undefined;

  constructor(dir: string, base: string, port: number, options: VirtualNodeOptions) {
    this.#dir = dir;
    this.#base = base;
    this.#port = port;
    this.#options = options;
  }

  async boot(): Promise<void> {
    const backing = ['-F', 'qcow2', '-b', join(this.#base, 'disk.qcow2')];
    await succeed(['qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, join(this.#dir, 'disk.qcow2')]);
    await packRelease(this.#dir, join(this.#dir, 'release.raw'), this.#options.bare ?? false);
    await this.#powerOn();
  }

  async #powerOn(): Promise<void> {
    await this.#startQemu();
    await until('ssh of the virtual node', () => this.#connects(), { limitMs: BOOT_MS, everyMs: 500 });
    await this.exec('systemctl', 'is-system-running', '--wait');
  }

  async reboot(): Promise<void> {
    const qemu = this.#qemu;
    const ended = qemu && once(qemu, 'exit', { signal: AbortSignal.timeout(BOOT_MS) });
    await this.run(['systemctl', 'reboot']);
    await ended; // -no-reboot
    await rm(join(this.#dir, 'ssh'), { force: true });
    await this.#powerOn();
  }

  cable(nic: string, plugged: boolean): Promise<void> {
    return qmp(join(this.#dir, 'qmp'), 'set_link', { name: nic, up: plugged });
  }

  /** Its QEMU ends with this process, however that ends. */
  async #startQemu(): Promise<void> {
    const log = await open(join(this.#dir, 'qemu.log'), 'a');
    const argv = ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...this.#hardware()];
    const qemu = spawn('setpriv', argv, { stdio: ['ignore', log.fd, log.fd] });
    this.#qemu = qemu;
    const spawned = new Promise((resolve, reject) => qemu.once('spawn', resolve).once('error', reject));
    await log.close();
    await spawned;
  }

  #hardware(): string[] {
    const { hostName = 'node1', legs = [] } = this.#options;
    const forward = `hostfwd=tcp:127.0.0.1:${this.#port}-:22`;
    return [
      ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-m', String(MEMORY_MIB)],
      ...processors(this.#options.cells),
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-kernel', join(this.#base, 'vmlinuz'), '-initrd', join(this.#base, 'initrd.img')],
      ...['-append', `${KERNEL_ARGS} systemd.hostname=${hostName}`],
      ...[
        '-chardev',
        `file,id=console,path=${join(this.#dir, 'console.log')},append=on`,
        '-serial',
        'chardev:console',
      ],
      ...['-drive', `file=${join(this.#dir, 'disk.qcow2')},if=virtio,format=qcow2,cache=unsafe`],
      ...['-drive', `file=${join(this.#dir, 'release.raw')},if=virtio,format=raw,readonly=on`],
      ...['-netdev', `user,id=loopback,restrict=on,${forward}`, '-device', 'virtio-net,netdev=loopback'],
      ...legs.flatMap(({ mac, netdev }, index) => [
        ...['-netdev', `${netdev},id=eth${index + 1}`],
        ...['-device', `virtio-net,netdev=eth${index + 1},mac=${mac},host_mtu=${JUMBO}`],
      ]),
      ...['-qmp', `unix:${join(this.#dir, 'qmp')},server=on,wait=off`],
      ...['-device', 'virtio-rng'],
    ];
  }

  /** Emulated cryptography takes its time: one connection, made here, carries all commands. */
  async #connects(): Promise<boolean> {
    if (this.#hasEnded()) return true; // the next command says so
    const [ssh = '', ...words] = this.#ssh('-f', '-N', '-M');
    const master = spawn(ssh, words, { stdio: 'ignore' });
    return await new Promise((resolve) => master.once('exit', (code) => resolve(code === 0)));
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Ran> {
    return run([...this.#ssh(), argv.map(quoted).join(' ')], { limitMs: BOOT_MS, ...options });
  }

  async exec(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(argv);
    if (code === 0) return stdout;
    const why = this.#hasEnded() ? `${this.#end()}\n${await this.logs()}` : `${stdout}\n${stderr}`;
    throw new Error(`${argv.join(' ')} in the node ended with ${code}\n${why}`);
  }

  #hasEnded(): boolean {
    return this.#qemu?.exitCode !== null || this.#qemu.signalCode !== null;
  }

  /** By itself, as a panic or a reboot of its kernel does, or by a fault of QEMU's own. */
  #end(): string {
    return `its QEMU has ended, ${this.#qemu?.signalCode ?? `with ${this.#qemu?.exitCode}`}`;
  }

  /** The argv of ssh to the node, for a command's line. */
  #ssh(...options: string[]): string[] {
    const unknown = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const settings = [...unknown, 'BatchMode=yes', 'ConnectTimeout=60', `ControlPath=${this.#dir}/ssh`];
    const flags = settings.flatMap((setting) => ['-o', setting]);
    const key = ['-F', 'none', '-i', join(this.#base, 'key'), '-p', String(this.#port)];
    return ['ssh', ...key, ...flags, ...options, 'root@127.0.0.1'];
  }

  /** What QEMU and the machine's console said last. */
  async logs(): Promise<string> {
    const ends = ['qemu', 'console'].map(async (name) => {
      const log = await readFile(join(this.#dir, `${name}.log`), 'utf8').catch(() => '');
      return `--- ${name}\n${log.slice(-3000)}`;
    });
    return (await Promise.all(ends)).join('\n');
  }

  async stop(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu && !this.#hasEnded()) {
      const ended = new Promise((resolve) => qemu.once('exit', resolve));
      qemu.kill('SIGKILL');
      await ended;
    }
    await rm(this.#dir, { recursive: true, force: true });
  }
}

function processors(cells = 0): string[] {
  if (cells === 0) return ['-smp', '2'];
  const each = MEMORY_MIB / cells;
  const words = Array.from({ length: cells }, (_, cell) => [
    ...['-object', `memory-backend-ram,id=cell${cell},size=${each}M`],
    ...['-numa', `node,nodeid=${cell},cpus=${cell},memdev=cell${cell}`],
  ]);
  return ['-smp', `${cells},sockets=${cells},cores=1,threads=1`, ...words.flat()];
}

/** A disk with what an installed release has: the command, its Node, the bundle and what joining machines are given. */
async function packRelease(dir: string, disk: string, empty: boolean): Promise<void> {
  await succeed([GANTRY, '--version']); // bundles what has changed
  const tree = join(dir, 'release');
  for (const folder of ['bin', 'lib', 'out', 'script/lib'])
    await mkdir(join(tree, folder), { recursive: true });
  const files = ['bin/gantry', 'LICENSE', 'script/join.sh', 'script/lib/packages', 'out/bundle'];
  for (const file of empty ? [] : files)
    await cp(join(ROOT, file), join(tree, file), { recursive: true, dereference: true });
  if (!empty) await cp(process.execPath, join(tree, 'lib/node'));
  await succeed(['mke2fs', '-q', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', tree, disk, '400M']);
  await rm(tree, { recursive: true });
}
