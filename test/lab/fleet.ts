/**
 * A cluster of several machines for tests: each has its own libvirtd, host name, machine-id, network and state; a bridge in
 * a namespace of its own joins them. The first is made by `gantry cluster init`, the others by the line of `gantry node add`.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE, type Cluster, startCluster } from './cluster.ts';
import type { Leftovers } from './leftovers.ts';
import { type Namespace, namespace } from './namespaces.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from './private-libvirtd.ts';
import { ended, type NamespaceProcess, processesBelow } from './processes.ts';
import { type Ran, run, succeed } from './run.ts';

const PORT = 7460;
export const addressOf = (index: number): string => `10.99.0.${index}`;
export const controllerUrl = `https://${addressOf(1)}:${PORT}`;

/** A machine that joined, or may. */
export interface Member {
  readonly name: string;
  readonly state: string;
  readonly libvirtd: PrivateLibvirtd;
  /** Runs a command on it, whatever its end. */
  run(argv: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ran>;
  /** @throws unless it exits with 0 */
  exec(...argv: string[]): Promise<string>;
  /** Runs a line that `gantry node add` printed, with what tells this machine from the others. */
  joinBy(line: string, ...more: string[]): Promise<Ran>;
  /** Its agent, if it runs. */
  agent(): Promise<NamespaceProcess | undefined>;
  killAgent(): Promise<void>;
  startAgent(): Promise<void>;
  log(): Promise<string>;
  /** A power cut. */
  stop(): Promise<void>;
}

export interface Fleet {
  /** The first machine, with the controller. */
  readonly first: Cluster;
  /** A further machine, cabled but not yet a node. */
  machine(index: number): Promise<Member>;
  /** The same, joined. */
  node(index: number, ...flags: string[]): Promise<Member>;
  /** Ends and removes everything. What is left in spite of that is returned. */
  stop(): Promise<Leftovers>;
}

export async function startFleet(): Promise<Fleet> {
  const fabric = await namespace('fabric');
  await fabric.exec('ip', 'link', 'add', 'fabric', 'type', 'bridge');
  await fabric.exec('ip', 'link', 'set', 'fabric', 'up');
  const members: Member[] = [];
  try {
    const first = await startCluster({
      libvirtd: { hostName: 'node1', saslConf: [] },
      prepare: (libvirtd) => settle(fabric, libvirtd, 1),
      init: ['--listen', `${addressOf(1)}:${PORT}`, '--pki', '/etc/pki'],
    });
    const machine = async (index: number) => {
      const member = await startMachine(first, fabric, index);
      members.push(member);
      return member;
    };
    return {
      first,
      machine,
      async node(index, ...flags) {
        const member = await machine(index);
        const line = (await first.ok('node', 'add', member.name, ...flags)).trim();
        const { code, stderr } = await member.joinBy(line);
        if (code !== 0) throw new Error(`${member.name} did not join: ${stderr}\n${await member.log()}`);
        return member;
      },
      async stop() {
        for (const member of members) await member.stop();
        const left = await first.stop();
        await fabric.remove();
        return left;
      },
    };
  } catch (error) {
    await fabric.remove();
    throw error;
  }
}

/** Cable, address and machine-id. */
async function settle(fabric: Namespace, libvirtd: PrivateLibvirtd, index: number): Promise<void> {
  const near = `f${index}-${randomBytes(2).toString('hex')}`;
  const peer = ['type', 'veth', 'peer', 'name', 'fab0', 'netns', String(libvirtd.pid)];
  // the pid must be seen from where it counts: the host's pid namespace
  await succeed(['ip', '-n', fabric.name, 'link', 'add', near, ...peer]);
  await fabric.exec('ip', 'link', 'set', near, 'master', 'fabric', 'up');
  await libvirtd.exec(['ip', 'address', 'add', `${addressOf(index)}/24`, 'dev', 'fab0']);
  await libvirtd.exec(['ip', 'link', 'set', 'fab0', 'up']);
  const machineId = randomUUID().replaceAll('-', '');
  await libvirtd.exec(['sh', '-c', 'rm -f /etc/machine-id && echo "$1" >/etc/machine-id', 'sh', machineId]);
}

async function startMachine(first: Cluster, fabric: Namespace, index: number): Promise<Member> {
  const name = `node${index}`;
  const dir = join(first.dir, name);
  await mkdir(dir, { mode: 0o755 });
  const libvirtd = await startPrivateLibvirtd({ dir: join(dir, 'libvirt'), hostName: name, saslConf: [] });
  await settle(fabric, libvirtd, index);
  const bootId = join(dir, 'boot-id');
  await writeFile(bootId, `${randomUUID()}\n`, { mode: 0o444 });
  await libvirtd.exec(['mount', '--bind', bootId, '/proc/sys/kernel/random/boot_id']);
  return new Machine(name, dir, libvirtd);
}

class Machine implements Member {
  readonly name: string;
  readonly state: string;
  readonly libvirtd: PrivateLibvirtd;
  readonly #dir: string;
  #line = '';

  constructor(name: string, dir: string, libvirtd: PrivateLibvirtd) {
    this.name = name;
    this.#dir = dir;
    this.state = join(dir, 'state');
    this.libvirtd = libvirtd;
  }

  run(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return run(this.libvirtd.enter(argv), { env: { ...process.env, NO_COLOR: '1', ...env } });
  }

  async exec(...argv: string[]): Promise<string> {
    return succeed(this.libvirtd.enter(argv));
  }

  async joinBy(line: string, ...more: string[]): Promise<Ran> {
    const own = ['--prefix', this.#dir, '--state', this.state, '--cache', CACHE, '--detach'];
    const ran = await this.run(['sh', '-c', `${line} ${[...own, ...more].join(' ')}`]);
    if (ran.code === 0) this.#line = line;
    return ran;
  }

  async agent(): Promise<NamespaceProcess | undefined> {
    const all = await processesBelow(this.libvirtd.pid);
    return all.find(({ commandLine }) => /\bagent\.mjs\0--state\0/.test(commandLine));
  }

  async killAgent(): Promise<void> {
    const agent = await this.agent();
    if (!agent) throw new Error(`the agent of ${this.name} does not run`);
    process.kill(agent.hostPid, 'SIGKILL');
    await ended(agent);
  }

  /** Repeating the line, used up as it is, starts what does not run. */
  async startAgent(): Promise<void> {
    const { code, stderr } = await this.joinBy(this.#line);
    if (code !== 0) throw new Error(stderr);
  }

  async log(): Promise<string> {
    return (await readFile(join(this.state, 'log', 'agent.log'), 'utf8').catch(() => '')).slice(-3000);
  }

  async stop(): Promise<void> {
    await this.libvirtd.stop();
  }
}
