/** What a torn-down lab has left on the machine, which should be nothing. */
import { access, readFile } from 'node:fs/promises';
import { hostPids } from './processes.ts';
import { succeed } from './run.ts';

export interface Leftovers {
  readonly processes: string[];
  readonly mounts: string[];
  readonly cgroups: string[];
  readonly loopDevices: string[];
}

export const nothingLeft: Leftovers = { processes: [], mounts: [], cgroups: [], loopDevices: [] };

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

/** Any process whose words, or the mounts that it sees, name the folder: so also one that keeps a namespace alive. */
async function processesAt(dir: string): Promise<string[]> {
  const named = await Promise.all(
    (await hostPids()).map(async (pid) => {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const [words, mounts] = await Promise.all([read('cmdline'), read('mountinfo')]);
      return words.includes(dir) || mounts.includes(dir) ? `${pid} ${words.replaceAll('\0', ' ')}` : '';
    }),
  );
  return named.filter((line) => line !== '');
}
