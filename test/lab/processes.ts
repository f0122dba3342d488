import { readdir, readFile, readlink } from 'node:fs/promises';
import { until } from './wait.ts';

export interface NamespaceProcess {
  readonly hostPid: number;
  /** As its own namespace counts. */
  readonly pid: number;
  /** Words ended by NUL. */
  readonly commandLine: string;
  /** Clock ticks since the machine's boot: with the pid it names one process for ever. */
  readonly startTicks: number;
}

const gone = (): undefined => undefined;

/** All processes of this machine, by host pid. */
export const hostPids = async (): Promise<number[]> =>
  (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);

/** The processes that share the pid namespace of `init`; zombies are none. */
export async function processesBelow(init: number): Promise<NamespaceProcess[]> {
  const namespace = await readlink(`/proc/${init}/ns/pid`);
  const all = await Promise.all(
    (await hostPids()).map((hostPid) => describe(hostPid, namespace).catch(gone)),
  );
  return all.filter((one) => one !== undefined);
}

async function describe(hostPid: number, namespace: string): Promise<NamespaceProcess | undefined> {
  if ((await readlink(`/proc/${hostPid}/ns/pid`)) !== namespace) return undefined;
  const [status, stat, commandLine] = await Promise.all(
    ['status', 'stat', 'cmdline'].map((file) => readFile(`/proc/${hostPid}/${file}`, 'utf8')),
  );
  if (!status || !stat || !commandLine || /^State:\s+Z/m.test(status)) return undefined;
  const pid = Number(/^NSpid:.*\s(\d+)$/m.exec(status)?.[1]);
  return { hostPid, pid, commandLine, startTicks: statOf(stat).startTicks };
}

function statOf(stat: string): { state: string | undefined; startTicks: number } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], startTicks: Number(fields[19]) };
}

/** Until it holds nothing: one that was killed has no command line, and is a zombie, before its last thread closes its files. */
export async function ended({ hostPid, startTicks }: NamespaceProcess): Promise<void> {
  const over = async () => {
    const now = statOf(await readFile(`/proc/${hostPid}/stat`, 'utf8').catch(() => ''));
    if (now.startTicks !== startTicks) return true;
    const threads = await readdir(`/proc/${hostPid}/task`).catch(() => []);
    return now.state === 'Z' && threads.length <= 1;
  };
  await until(`the end of process ${hostPid}`, over, { everyMs: 5 });
}
