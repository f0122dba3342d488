/**
 * What the offline commands share: the cluster file, the written result, the shape of the answer. Files are read at once, as
 * nothing else goes on meanwhile.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { err, type GantryError } from '@gantry/model';
import type { ClusterData, ScoreReport } from '@gantry/placement';
import type { Given } from '../../given.ts';
import { subTable } from '../../output/describe.ts';
import { Output } from '../../output/output.ts';
import type { Session } from '../../session.ts';
import type { Flag } from '../../verb.ts';

export const offlineDetails =
  'Works on a file in the text format of Ganeti’s htools (`hscan`, `hbal -S`), without a cluster: --cluster FILE.';

export const writeFlag: Flag = { flags: '--write <file>', description: 'write the resulting cluster there' };
export const jsonFlag: Flag = { flags: '--json', description: 'the same as -o json' };
export const noCapacityFlag: Flag = {
  flags: '--no-capacity-checks',
  description: 'do not ask whether what ran on a lost node could run elsewhere',
};

/** The cluster of `--cluster FILE`. @throws GantryError `usage`, `invalid_argument`, `invalid_cluster_file` */
export async function readCluster({ globals }: Session): Promise<ClusterData> {
  const path = globals.cluster;
  if (path === undefined) throw err('usage', { what: 'name the file with the cluster: --cluster FILE' });
  const { parseCluster } = await import('@gantry/placement');
  return parseCluster(bytesOf('--cluster', path));
}

/** @throws GantryError `invalid_argument` */
export function bytesOf(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(option, path, 'a file that can be read', error);
  }
}

/** All of it or nothing. @throws GantryError `invalid_argument` */
export async function writeResult(given: Given, after: ClusterData): Promise<void> {
  const path = given.text('write');
  if (path === undefined) return;
  const { writeCluster } = await import('@gantry/placement');
  const half = `${path}.${process.pid}.new`;
  try {
    writeFileSync(half, writeCluster(after), { flag: 'wx' });
    renameSync(half, path);
  } catch (error) {
    rmSync(half, { force: true });
    throw unreadable('--write', path, 'a file that can be written', error);
  }
}

const unreadable = (option: string, path: string, wanted: string, error: unknown): GantryError =>
  err('invalid_argument', {
    what: `${option} ${path}`,
    wanted: `${wanted} (${(error as NodeJS.ErrnoException).code ?? 'failed'})`,
  });

/** `--json` or the global option. */
export const outputOf = (session: Session, given: Given): Output =>
  given.on('json') ? new Output(session.io, 'json') : session.out;

/** Index of `--group NAME`; undefined: not given. @throws GantryError `not_found` */
export function groupOf(given: Given, { groups }: ClusterData): number | undefined {
  const name = given.text('group');
  if (name === undefined) return undefined;
  const group = groups.findIndex((each) => each.name === name || each.uuid === name);
  if (group < 0) throw err('not_found', { kind: 'group', name });
  return group;
}

/** Measures from `start` on, in seconds. */
export const secondsSince = (start: number): number => Math.round(performance.now() - start) / 1000;

export const scoreLine = ({ before, after }: ScoreReport): string =>
  `${before.toFixed(3)} -> ${after.toFixed(3)}`;

/** The parts that change, those that change most first. */
export function scoreTable({ components }: ScoreReport): string {
  const rows = Object.entries(components)
    .map(([name, { weight, before, after }]) => ({ name, before: before * weight, after: after * weight }))
    .filter(({ before, after }) => before !== after)
    .sort((a, b) => a.after - a.before - (b.after - b.before))
    .map(({ name, before, after }) => [name, before.toFixed(4), after.toFixed(4), signed(after - before)]);
  return subTable(['PART', 'BEFORE', 'AFTER', 'CHANGE'], rows);
}

const signed = (value: number): string => `${value > 0 ? '+' : ''}${value.toFixed(4)}`;
