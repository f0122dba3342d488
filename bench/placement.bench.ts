/** Placement side by side with Ganeti's htools: CPU time of the whole process (user and system), score, moves, instances. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const root = join(import.meta.dirname, '..');
const gantry = join(root, 'bin/gantry');
const HAIL = '/usr/lib/ganeti/iallocators/hail';
const dir = mkdtempSync(join(tmpdir(), 'gantry-bench-'));
const ROUNDS = 3;

function file(name: string): string {
  const path = join(dir, name);
  writeFileSync(path, gunzipSync(readFileSync(join(root, 'test/oracle/placement', `${name}.gz`))));
  return path;
}

/** Seconds of CPU by wait4, and what was said. Python, as Node does not tell of single children. */
const measure = `import os,sys,subprocess
p=subprocess.Popen(sys.argv[1:],stdout=sys.stderr)
_,_,r=os.wait4(p.pid,0)
print(r.ru_utime+r.ru_stime)`;
function cpu(rounds: number, ...command: string[]): { seconds: number; said: string } {
  const runs = Array.from({ length: rounds }, () => {
    const { stdout, stderr } = spawnSync('python3', ['-c', measure, ...command], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    return { seconds: Number(stdout), said: stderr };
  });
  return runs.sort((a, b) => a.seconds - b.seconds)[Math.floor(rounds / 2)] as {
    seconds: number;
    said: string;
  };
}

const report = (what: string, ours: number, theirs: number, more: string): void =>
  console.log(
    `${what.padEnd(34)} ${ours.toFixed(3).padStart(7)} s  htools ${theirs.toFixed(3).padStart(7)} s  x${(theirs / ours).toFixed(1).padEnd(6)} ${more}`,
  );

function allocate(name: string, request: string, flags: string[], rounds: number): void {
  const [cluster, asked] = [file(`${name}.txt`), file(`${request}.json`)];
  const ours = cpu(
    ROUNDS,
    gantry,
    'placement',
    'allocate',
    '--cluster',
    cluster,
    '--request',
    asked,
    '--json',
    ...flags,
  );
  const theirs = cpu(rounds, HAIL, '-t', cluster, asked, '--no-capacity-checks');
  const { score } = JSON.parse(ours.said) as { score: { after: number } };
  const hail = [...theirs.said.matchAll(/\(preferred\): score: ([\d.]+)/g)].map(([, value]) => Number(value));
  const what = `allocate ${name}${flags.length === 0 ? ' with N+1' : ''}`;
  report(
    what,
    ours.seconds,
    theirs.seconds,
    `score ${score.after.toFixed(8)}, hail ${Math.min(...hail).toFixed(8)} (without checks)`,
  );
}

function balance(name: string, group: string, most: string[] = []): void {
  const cluster = file(`${name}.txt`);
  const limit = most.length === 0 ? [] : ['--max-moves', ...most];
  const ours = cpu(
    ROUNDS,
    gantry,
    'placement',
    'balance',
    '--cluster',
    cluster,
    '--group',
    group,
    '--json',
    ...limit,
  );
  const theirs = cpu(1, 'hbal', '-t', cluster, '-G', group, ...(most.length === 0 ? [] : ['-l', ...most]));
  const { score, moves } = JSON.parse(ours.said) as { score: { after: number }; moves: unknown[] };
  const final = /improved from [\d.]+ to ([\d.]+)/.exec(theirs.said)?.[1] ?? '?';
  const length = /Solution length=(\d+)/.exec(theirs.said)?.[1] ?? '?';
  const what = `balance ${name} ${group}${most.length === 0 ? '' : ` -l ${most[0]}`}`;
  report(
    what,
    ours.seconds,
    theirs.seconds,
    `${score.after.toFixed(4)} in ${moves.length}, hbal ${final} in ${length}`,
  );
}

function capacity(name: string): void {
  const cluster = file(`${name}.txt`);
  const flags = ['--no-capacity-checks'];
  const ours = cpu(ROUNDS, gantry, 'placement', 'capacity', '--cluster', cluster, '--json', ...flags);
  const theirs = cpu(1, 'hspace', '-t', cluster, '--accept-existing-errors', ...flags);
  const { standard, tiered } = JSON.parse(ours.said) as {
    standard: { size: { count: number } };
    tiered: { count: number };
  };
  const fixed = /(\d+) instances allocated/.exec(theirs.said)?.[1] ?? '?';
  const sizes = [...theirs.said.matchAll(/(\d+) instances of spec/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  const counts = `${standard.size.count} + ${tiered.count} tiered, hspace ${fixed} + ${sizes}`;
  report(`capacity ${name}`, ours.seconds, theirs.seconds, counts);
}

try {
  execFileSync(gantry, ['--version']);
  for (const flags of [['--no-capacity-checks'], []]) {
    allocate('mixed-100', 'mixed-100.alloc-drbd', flags, ROUNDS);
    allocate('mixed-1000', 'mixed-100.alloc-drbd', flags, 1);
  }
  for (const name of ['mixed-20', 'tight-20', 'unsafe-20'])
    for (const group of ['group0', 'group1']) balance(name, group);
  balance('mixed-100', 'group0', ['10']);
  balance('mixed-100', 'group0');
  for (const name of ['mixed-20', 'tight-20', 'mixed-100']) capacity(name);
} finally {
  rmSync(dir, { recursive: true });
}
