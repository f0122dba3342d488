/** Daemons without systemd: pid files that can be trusted, starting and stopping. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { err } from '@gantry/model';
import type { Daemon } from '../hand-over.ts';
import { environments } from './daemons.ts';
import { type Owner, writeDurably } from './files.ts';
import type { Layout } from './layout.ts';

/** A process is the one meant only if its number, its start and its boot are the same. */
export interface ProcessId {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks between boot and its start. */
  startTicks: number;
  bootId: string;
}

const pidFile = (layout: Layout, daemon: Daemon): string => join(layout.run, `${daemon}.pid`);
export const logFile = (layout: Layout, daemon: Daemon): string => join(layout.log, `${daemon}.log`);

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** The state letter and start of a process; its name may hold spaces and parentheses, so it is read from its end. */
function statOf(pid: number): { state: string; startTicks: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** The daemon of this cluster, if it runs: by its pid file, or by a look at all processes where that does not say. */
export function running(layout: Layout, daemon: Daemon): ProcessId | undefined {
  const noted = readPidFile(layout, daemon);
  if (noted && isAlive(noted) && isOurs(noted.pid, layout, daemon)) return noted;
  // Whoever started it may have been killed before the file was written.
  const pid = readdirSync('/proc')
    .map(Number)
    .find((number) => number > 1 && isOurs(number, layout, daemon));
  const startTicks = pid === undefined ? undefined : statOf(pid)?.startTicks;
  return pid === undefined || startTicks === undefined ? undefined : { pid, startTicks, bootId: bootId() };
}

function readPidFile(layout: Layout, daemon: Daemon): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(pidFile(layout, daemon), 'utf8')) as ProcessId;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startTicks, bootId: boot }: ProcessId): boolean {
  const stat = Number.isInteger(pid) && pid > 1 ? statOf(pid) : undefined;
  return stat !== undefined && stat.state !== 'Z' && stat.startTicks === startTicks && boot === bootId();
}

const modules: Readonly<Record<Daemon, RegExp>> = {
  server: /(^|\/)server[.]mjs$|\/controller\/src\/main[.]ts$/,
  agent: /(^|\/)agent[.]mjs$|\/agent\/src\/main[.]ts$/,
};

/** `node .../server.mjs --state DIR ...`, run by root or by the owner of the store: others may call themselves anything. */
function isOurs(pid: number, layout: Layout, daemon: Daemon): boolean {
  try {
    const [, module = '', option, state] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (!modules[daemon].test(module) || option !== '--state' || state !== layout.state) return false;
    const { uid } = statSync(`/proc/${pid}`);
    return uid === 0 || uid === process.getuid?.() || uid === statSync(layout.controller).uid;
  } catch {
    return false;
  }
}

export interface DaemonCall {
  node: string;
  module: string;
  args: readonly string[];
  owner?: Owner;
}

/**
 * Starts it apart from this terminal, its output in the log. It is left alone when it runs already.
 * @throws GantryError `host_unfit` when it ends at once, with the last lines of its log
 */
export async function startDetached(layout: Layout, daemon: Daemon, call: DaemonCall): Promise<void> {
  const present = running(layout, daemon);
  if (present) return notePid(layout, daemon, present);
  const log = openSync(logFile(layout, daemon), 'a', 0o640);
  try {
    const child = spawn(call.node, [call.module, ...call.args], {
      ...call.owner,
      detached: true,
      cwd: '/',
      env: { ...process.env, ...environments[daemon] },
      stdio: ['ignore', log, log],
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    const { pid = 0 } = child;
    const id: ProcessId = { pid, startTicks: statOf(pid)?.startTicks ?? 0, bootId: bootId() };
    notePid(layout, daemon, id);
    child.unref();
  } finally {
    closeSync(log);
  }
}

const notePid = (layout: Layout, daemon: Daemon, id: ProcessId): void =>
  writeDurably(pidFile(layout, daemon), `${JSON.stringify(id)}\n`, 0o644);

/** @throws GantryError `host_unfit` when it does not run, with the end of its log */
export function requireRunning(layout: Layout, daemon: Daemon): void {
  if (running(layout, daemon)) return;
  const path = logFile(layout, daemon);
  throw err('host_unfit', { why: `the ${daemon} ended:\n${lastLines(path)}`, remedy: `Its log: ${path}` });
}

function lastLines(path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  } catch {
    return 'it left no log';
  }
}

const STOP_MS = 20_000;

/** Asks it to end, and forces it when it takes too long. True if it ran. */
export async function stopDetached(layout: Layout, daemon: Daemon): Promise<boolean> {
  const id = running(layout, daemon);
  if (id) {
    process.kill(id.pid, 'SIGTERM');
    const endMs = performance.now() + STOP_MS;
    while (isAlive(id) && performance.now() < endMs) await sleep(50);
    if (isAlive(id)) process.kill(id.pid, 'SIGKILL');
  }
  rmSync(pidFile(layout, daemon), { force: true });
  return id !== undefined;
}
