/** What a torn-down lab has left on the machine, which should be nothing. */
import { access, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostPids } from './processes.ts';
import { succeed } from './run.ts';

export interface Leftovers {
  readonly processes: string[];
  readonly mounts: string[];
  readonly cgroups: string[];
  readonly loopDevices: string[];
}

export const nothingLeft: Leftovers = { processes: [], mounts: [], cgroups: [], loopDevices: [] };

const [ENDING_LOOKS, ENDING_MS] = [600, 100];

/** Whatever still refers to `dir`, or is in one of the `cgroups`. */
export async function leftoversOf(dir: string, cgroups: readonly string[]): Promise<Leftovers> {
  const [processes, mounts, left, loops] = await Promise.all([
    processesAt(dir),
    readFile('/proc/self/mountinfo', 'utf8'),
    Promise.all(cgroups.map(isThere)),
    succeed(['losetup', '--noheadings', '--raw', '--list', '--output', 'NAME,BACK-FILE']),
  ]);
  const naming = (text: string) => text.split('\n').filter((line) => line.includes(dir));
  return {
    processes,
    mounts: naming(mounts),
    cgroups: cgroups.filter((_, index) => left[index]),
    loopDevices: naming(loops),
  };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

interface Seen {
  readonly line: string;
  readonly ending: boolean;
}

/**
 * Any process whose words, or the mounts that it sees, name the folder: so also one that keeps a namespace alive. One that
 * was killed, or has no words any more, is ending, or will never: it is given time.
 */
async function processesAt(dir: string): Promise<string[]> {
  for (let looks = 0; ; looks++) {
    const all = (await Promise.all((await hostPids()).map((pid) => processAt(pid, dir)))).flat();
    if (!all.some(({ ending }) => ending) || looks === ENDING_LOOKS) return all.map(({ line }) => line);
    await sleep(ENDING_MS);
  }
}

/** Signal 9 waits for the process, or its thread, to have its turn: bit 8 of the masks in proc_pid_status(5). */
const killed = /^(SigPnd|ShdPnd):\s+[0-9a-f]*[13579bdf][0-9a-f]{2}$/m;

async function processAt(pid: number, dir: string): Promise<Seen[]> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const [status, words, mounts] = await Promise.all(['status', 'cmdline', 'mountinfo'].map(read));
  if (!words?.includes(dir) && !mounts?.includes(dir)) return [];
  const line = `${pid} ${words?.replace(/\0$/, '').replaceAll('\0', ' ')}`;
  return [{ line, ending: !words || killed.test(status ?? '') }];
}
