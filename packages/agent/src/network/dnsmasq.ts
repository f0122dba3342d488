/**
 * One dnsmasq per network. It outlives the agent, so that guests renew their leases while the agent restarts, and is
 * found again by its pid file or, if that was never written, by its command line.
 * Not running with what it should serve is mended by the next `ensureDnsmasq`, wherever a crash fell: a changed
 * configuration and lost leases are written only while it is stopped.
 */
import { readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { err } from '@gantry/model';
import type { Clock } from '../env.ts';
import { writeDurably } from '../host/durable.ts';
import { leasesText } from '../leases.ts';
import { ProcessError, type Run, run as runProgram } from '../process/run.ts';
import { dnsmasqConfig, onlyAdds } from './dnsmasq-config.ts';
import type { Leases, NatNetwork } from './wanted.ts';

/** Between SIGTERM and SIGKILL. */
const STOP_MS = 2000;
const START_MS = 10_000;

export interface DnsmasqPorts {
  clock: Pick<Clock, 'sleep'>;
  run?: Run;
}

interface Running {
  pid: number;
  /** In our network namespace; one from another (of a namespace that is gone) serves nobody here. */
  here: boolean;
}

const files = (dir: string) => ({
  config: join(dir, 'dnsmasq.conf'),
  hosts: join(dir, 'hosts'),
  pid: join(dir, 'dnsmasq.pid'),
});

/** Whether the dnsmasq of this directory runs, by its pid file alone: a few reads of /proc. */
export const dnsmasqRuns = async (dir: string): Promise<boolean> => (await byPidFile(dir))?.here ?? false;

/** Makes it run and serve these leases. @throws GantryError `host_unfit` */
export async function ensureDnsmasq(
  wanted: NatNetwork,
  leases: Leases,
  dir: string,
  ports: DnsmasqPorts,
): Promise<void> {
  const { config, hosts, pid } = files(dir);
  const [oldConfig, oldHosts] = await Promise.all([readText(config), readText(hosts)]);
  const [newConfig, newHosts] = [dnsmasqConfig(wanted), leasesText(leases)];
  const running = await findDnsmasq(dir);
  const [first] = running;
  if (running.length === 1 && first?.here && oldConfig === newConfig && onlyAdds(oldHosts, newHosts)) {
    if (oldHosts !== newHosts) await writeDurably(hosts, newHosts, 0o644);
    if (!(await dnsmasqRuns(dir))) await writeFile(pid, `${first.pid}\n`); // its pid file was lost
    signal(first.pid, 'SIGHUP'); // also when nothing changed: an earlier one may have been lost in a crash
    return;
  }
  for (const old of running) await stop(old.pid, dir, ports.clock);
  await checkReadable(dir);
  await writeDurably(config, newConfig, 0o644);
  await writeDurably(hosts, newHosts, 0o644);
  await start(dir, ports.run ?? runProgram);
}

/** Stops it, if it runs. Its files stay. */
export async function stopDnsmasq(dir: string, { clock }: DnsmasqPorts): Promise<void> {
  for (const { pid } of await findDnsmasq(dir)) await stop(pid, dir, clock);
  await rm(files(dir).pid, { force: true });
}

async function start(dir: string, run: Run): Promise<void> {
  const { config, hosts, pid } = files(dir);
  try {
    await run(['dnsmasq', `--conf-file=${config}`, `--dhcp-hostsfile=${hosts}`, `--pid-file=${pid}`], {
      outlivesAgent: true,
      timeoutMs: START_MS,
    });
  } catch (cause) {
    if (!(cause instanceof ProcessError)) throw cause;
    throw err(
      'host_unfit',
      {
        why: cause.message,
        remedy:
          cause.reason === 'not-found'
            ? 'Install dnsmasq-base.'
            : 'Is another DHCP server running on the machine? `ss -lunp sport = :67` shows it.',
      },
      cause,
    );
  }
}

/** dnsmasq reads the hosts file again and again as nobody, and would only log that it cannot. */
async function checkReadable(dir: string): Promise<void> {
  for (let at = dir; at !== dirname(at); at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0)
      throw err('host_unfit', {
        why: `${at} cannot be entered by other users, so dnsmasq (user nobody) cannot read its leases there`,
        remedy: `chmod o+x ${at}, or choose another --state directory.`,
      });
  }
}

/** Stopping looks once more: the pid may have been given away meanwhile. */
async function stop(pid: number, dir: string, clock: DnsmasqPorts['clock']): Promise<void> {
  for (const name of ['SIGTERM', 'SIGKILL'] as const) {
    for (let waitedMs = 0; waitedMs < STOP_MS; waitedMs += 10) {
      if (!(await identify(pid, dir))) return;
      if (waitedMs === 0) signal(pid, name);
      await clock.sleep(10);
    }
  }
  throw err('host_unfit', {
    why: `dnsmasq (pid ${pid}) does not end, not even killed`,
    remedy: 'Look at the process and the kernel log.',
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // ESRCH: it has ended by itself.
  }
}

/** All of this directory: normally one; two only after a crash between a start and its pid file. */
async function findDnsmasq(dir: string): Promise<Running[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => identify(pid, dir)));
  return found.filter((running) => running !== undefined);
}

async function byPidFile(dir: string): Promise<Running | undefined> {
  const text = (await readText(files(dir).pid)).trim();
  return /^[1-9]\d{0,9}$/.test(text) ? identify(Number(text), dir) : undefined;
}

/** Is this pid the dnsmasq of the directory? A zombie has no command line any more. */
async function identify(pid: number, dir: string): Promise<Running | undefined> {
  const argv = (await readText(`/proc/${pid}/cmdline`)).split('\0');
  if (!/(^|\/)dnsmasq$/.test(argv[0] ?? '')) return undefined;
  if (!argv.includes(`--conf-file=${files(dir).config}`)) return undefined;
  const [its, ours] = await Promise.all([
    readlink(`/proc/${pid}/ns/net`).catch(() => ''),
    readlink('/proc/self/ns/net'),
  ]);
  return { pid, here: its === ours };
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
