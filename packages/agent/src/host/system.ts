/** Which system the node runs, and until when its distribution gives it security updates. */
import { readFile } from 'node:fs/promises';
import type { NodeLook } from '@gantry/model';

type System = NodeLook['system'];

/** Of the package distro-info-data: one file for each distribution. */
const FOLDER = '/usr/share/distro-info';

const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/** https://www.freedesktop.org/software/systemd/man/os-release.html; undefined where there is none. */
export async function readSystem(): Promise<System> {
  const system = parseOsRelease(await readText('/etc/os-release'));
  if (!system || !/^[a-z]+$/.test(system.id)) return system;
  const supportEnds = parseDistroInfo(await readText(`${FOLDER}/${system.id}.csv`), system.version);
  return supportEnds ? { ...system, supportEnds } : system;
}

export function parseOsRelease(text: string): System {
  const read = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]{1,64})`, 'm').exec(text)?.[1];
  const [id, release] = [read('ID'), read('VERSION_ID')];
  return id && release ? { id, version: release } : undefined;
}

/** Columns of free support; what is paid for (eol-elts, eol-esm) does not count. */
const columns = ['eol-lts', 'eol'];

/** The day on which updates end for everybody; undefined where the file does not say. */
export function parseDistroInfo(csv: string, version: string): string | undefined {
  const [head = [], ...rows] = csv.split('\n').map((line) => line.trim().split(','));
  // Ubuntu writes “24.04 LTS”
  const row = rows.find(([named = '']) => named.split(' ')[0] === version);
  return columns
    .map((column) => row?.[head.indexOf(column)])
    .find((day) => day !== undefined && /^\d{4}-\d\d-\d\d$/.test(day));
}
