/**
 * A whole machine as a node: Debian 12 with systemd, its own kernel, libvirt and QEMU, emulated by QEMU. For what
 * namespaces cannot give: all capabilities, limits and cgroups as on a machine of one's own. The checkout's release is in
 * it; of networks it sees none, and is reached by ssh on a port of the loopback.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GANTRY } from './cluster.ts';
import { type Ran, type RunOptions, run, succeed } from './run.ts';
import { virtualNodeBase } from './virtual-node-base.ts';
import { until } from './wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BOOT_MS = 600_000;
const MEMORY_MIB = 3072;

export interface VirtualNode {
  /** Runs as root in the node; the release's `gantry` is in the path. */
  run(argv: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Its output. @throws unless it exits with 0 */
  exec(...argv: string[]): Promise<string>;
  /** Pulls the plug; nothing is left. */
  stop(): Promise<void>;
}

/** Needs root and what script/setup installs. The very first start takes some minutes more, to make the base. */
export async function startVirtualNode(): Promise<VirtualNode> {
  const base = await virtualNodeBase();
  const dir = await mkdtemp(join(tmpdir(), 'gantry-vm-'));
  const node = new Machine(dir, base, await freePort());
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
  #qemu: ChildProcess | undefined;

  constructor(dir: string, base: string, port: number) {
    this.#dir = dir;
    this.#base = base;
    this.#port = port;
  }

  async boot(): Promise<void> {
    const [disk, release] = [join(this.#dir, 'disk.qcow2'), join(this.#dir, 'release.raw')];
    const backing = ['-F', 'qcow2', '-b', join(this.#base, 'disk.qcow2')];
    await succeed(['qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, disk]);
    await packRelease(this.#dir, release);
    await this.#powerOn(disk, release);
    await until('ssh of the virtual node', () => this.#connects(), { limitMs: BOOT_MS, everyMs: 500 });
    await this.exec('systemctl', 'is-system-running', '--wait');
  }

  /** Its QEMU ends with this process, however that ends. */
  async #powerOn(disk: string, release: string): Promise<void> {
    const log = await open(join(this.#dir, 'qemu.log'), 'w');
    const argv = ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...this.#hardware(disk, release)];
    const qemu = spawn('setpriv', argv, { stdio: ['ignore', log.fd, log.fd] });
    this.#qemu = qemu;
    const spawned = new Promise((resolve, reject) => qemu.once('spawn', resolve).once('error', reject));
    await log.close();
    await spawned;
  }

  #hardware(disk: string, release: string): string[] {
    const forward = `hostfwd=tcp:127.0.0.1:${this.#port}-:22`;
    return [
      ...['-machine', 'q35,accel=tcg', '-cpu', 'max', '-smp', '2', '-m', String(MEMORY_MIB)],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
      ...['-kernel', join(this.#base, 'vmlinuz'), '-initrd', join(this.#base, 'initrd.img')],
      ...['-append', 'root=/dev/vda console=ttyS0 net.ifnames=0 quiet mitigations=off nokaslr panic=-1'],
      ...['-chardev', `file,id=console,path=${join(this.#dir, 'console.log')}`, '-serial', 'chardev:console'],
      ...['-drive', `file=${disk},if=virtio,format=qcow2,cache=unsafe`],
      ...['-drive', `file=${release},if=virtio,format=raw,readonly=on`],
      ...['-netdev', `user,id=loopback,restrict=on,${forward}`, '-device', 'virtio-net,netdev=loopback'],
      ...['-device', 'virtio-rng'],
    ];
  }

  /** Emulated cryptography takes its time: one connection, made here, carries all commands. */
  async #connects(): Promise<boolean> {
    if (this.#qemu?.exitCode !== null) return true; // the next command says so
    const [ssh = '', ...words] = this.#ssh('-f', '-N', '-M');
    const master = spawn(ssh, words, { stdio: 'ignore' });
    return await new Promise((resolve) => master.once('exit', (code) => resolve(code === 0)));
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Ran> {
    return run([...this.#ssh(), argv.map(quoted).join(' ')], { limitMs: BOOT_MS, ...options });
  }

  async exec(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(argv);
    if (code !== 0) throw new Error(`${argv.join(' ')} in the node ended with ${code}\n${stdout}\n${stderr}`);
    return stdout;
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
    if (qemu?.exitCode === null && qemu.signalCode === null) {
      const ended = new Promise((resolve) => qemu.once('exit', resolve));
      qemu.kill('SIGKILL');
      await ended;
    }
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** A disk with what a release has: the command, its Node, the bundle. */
async function packRelease(dir: string, disk: string): Promise<void> {
  await succeed([GANTRY, '--version']); // bundles what has changed
  const tree = join(dir, 'release');
  for (const folder of ['bin', 'lib', 'out']) await mkdir(join(tree, folder), { recursive: true });
  await cp(GANTRY, join(tree, 'bin/gantry'));
  await cp(process.execPath, join(tree, 'lib/node'));
  await cp(join(ROOT, 'out/bundle'), join(tree, 'out/bundle'), { recursive: true, dereference: true });
  await succeed(['mke2fs', '-q', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', tree, disk, '400M']);
  await rm(tree, { recursive: true });
}
