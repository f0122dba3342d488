import { readdir, readFile, readlink } from 'node:fs/promises';

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
  const startTicks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return { hostPid, pid, commandLine, startTicks };
}
