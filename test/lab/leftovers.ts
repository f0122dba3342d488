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

const [ENDING_LOOKS, ENDING_MS] = [300, 100];

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

/**
 * Any process whose words, or the mounts that it sees, name the folder: so also one that keeps a namespace alive. One
 * without words is ending, or will never: it is given time.
 */
async function processesAt(dir: string): Promise<string[]> {
  for (let looks = 0; ; looks++) {
    const all = (await Promise.all((await hostPids()).map((pid) => processAt(pid, dir)))).filter(Boolean);
    const ending = all.some((line) => line.endsWith(' '));
    if (!ending || looks === ENDING_LOOKS) return all;
    await sleep(ENDING_MS);
  }
}

async function processAt(pid: number, dir: string): Promise<string> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const [words, mounts] = await Promise.all([read('cmdline'), read('mountinfo')]);
  if (!words.includes(dir) && !mounts.includes(dir)) return '';
  return `${pid} ${words.replace(/\0$/, '').replaceAll('\0', ' ')}`;
}
