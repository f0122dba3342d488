/** Clusters of test/oracle/placement, and the scorer there that nobody here wrote. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const folder = join(import.meta.dirname, '../../../test/oracle/placement');

/** Clusters that score.py knows everything about. */
export const plainClusters = [
  'mixed-20',
  'tight-20',
  'unsafe-20',
  'offline-20',
  'desired-20',
  'mixed-100',
  'tight-100',
  'unsafe-100',
  'mixed-1000',
] as const;
export const smallClusters = [...plainClusters.slice(0, 5), 'forthcoming-20', 'exclusive-20'] as const;

export const oracleText = (name: string): string =>
  gunzipSync(readFileSync(join(folder, `${name}.gz`))).toString();

/** What score.py says of a cluster, by component and as `score`. */
export function refereeScore(text: string, group?: string): Record<string, number> {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-score-'));
  try {
    const file = join(dir, 'cluster.txt');
    writeFileSync(file, text);
    const more = group === undefined ? [] : ['--group', group];
    const said = execFileSync('python3', [join(folder, 'score.py'), file, ...more], { encoding: 'utf8' });
    const lines = said
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    return Object.fromEntries(lines.map(([name = '', value]) => [name, Number(value)]));
  } finally {
    rmSync(dir, { recursive: true });
  }
}
