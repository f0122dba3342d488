/**
 * One dnsmasq per network. It outlives the agent, so that guests renew their leases while the agent restarts, and is
 * found again by its pid file or, if that was never written, by its command line.
 * Not running with what it should serve is mended by the next `ensureDnsmasq`, wherever a crash fell: a changed
 * configuration and lost leases are written only while it is stopped. Its files need not survive a power cut, as
 * dnsmasq does not either: they are compared before it is started.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { err } from '@gantry/model';
import type { Clock } from '../env.ts';
import { prepareFile, replaceFile } from '../host/durable.ts';
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
export const dnsmasqRuns = (dir: string): boolean => byPidFile(dir)?.here ?? false;

/** Makes it run and serve these leases. @throws GantryError `host_unfit` */
export async function ensureDnsmasq(
  wanted: NatNetwork,
  leases: Leases,
  dir: string,
  ports: DnsmasqPorts,
): Promise<void> {
  const { config, hosts, pid } = files(dir);
  const [oldConfig, oldHosts] = [readText(config), readText(hosts)];
  const [newConfig, newHosts] = [dnsmasqConfig(wanted), leasesText(leases)];
  const running = findDnsmasq(dir);
  const [first] = running;
  if (running.length === 1 && first?.here && oldConfig === newConfig && onlyAdds(oldHosts, newHosts)) {
    if (oldHosts !== newHosts) await replaceFile(hosts, newHosts, 0o644);
    if (!dnsmasqRuns(dir)) await writeFile(pid, `${first.pid}\n`); // its pid file was lost
    signal(first.pid, 'SIGHUP'); // also when nothing changed: an earlier one may have been lost in a crash
    return;
  }
  await checkReadable(dir);
  // before it is stopped: where there is no space for them it serves on what it has
  const written = [await prepareFile(config, newConfig, 0o644), await prepareFile(hosts, newHosts, 0o644)];
  for (const old of running) await stop(old.pid, dir, ports.clock);
  for (const file of written) await file.put();
  await start(dir, ports.run ?? runProgram);
}

/** Stops it, if it runs. Its files stay. */
export async function stopDnsmasq(dir: string, { clock }: DnsmasqPorts): Promise<void> {
  for (const { pid } of findDnsmasq(dir)) await stop(pid, dir, clock);
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
      if (!identify(pid, dir)) return;
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
const findDnsmasq = (dir: string): Running[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => identify(Number(pid), dir) ?? []);

function byPidFile(dir: string): Running | undefined {
  const text = readText(files(dir).pid).trim();
  return /^[1-9]\d{0,9}$/.test(text) ? identify(Number(text), dir) : undefined;
}

/** Is this pid the dnsmasq of the directory? A zombie has no command line any more. */
function identify(pid: number, dir: string): Running | undefined {
  const argv = readText(`/proc/${pid}/cmdline`).split('\0');
  if (!/(^|\/)dnsmasq$/.test(argv[0] ?? '')) return undefined;
  if (!argv.includes(`--conf-file=${files(dir).config}`)) return undefined;
  return { pid, here: namespaceOf(pid) === namespaceOf('self') };
}

function namespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined; // it has just ended
  }
}

/** Of small files; '' when it is not there. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
