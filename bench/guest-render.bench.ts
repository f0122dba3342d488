/** How many guests a second one core renders: JSON line in, JSON line out. Nova’s own code made 265 configurations. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerLine } from '@gantry/guest';

const folder = join(import.meta.dirname, '../test/oracle/nova/cases');
const ROUNDS = 5;
const MS = 2000;

/** Cases without their answers, as they come to `gantry guest render --batch`. */
const lines = readdirSync(folder)
  .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
  .filter((one) => one.kind === 'guest-config')
  .map(({ expect: _, observed: __, newer_nova: ___, ...asked }) => JSON.stringify(asked));

function round(): { perSecond: number; perCpuSecond: number } {
  const cpu = process.cpuUsage();
  const start = performance.now();
  let guests = 0;
  while (performance.now() - start < MS) {
    for (const line of lines) answerLine(line);
    guests += lines.length;
  }
  const used = process.cpuUsage(cpu);
  const wallS = (performance.now() - start) / 1000;
  return { perSecond: guests / wallS, perCpuSecond: guests / ((used.user + used.system) / 1e6) };
}

round();
const rounds = Array.from({ length: ROUNDS }, round);
const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
console.log(
  `${lines.length} cases: ${Math.round(middle(rounds.map((r) => r.perSecond)))} guests/s of wall time, ` +
    `${Math.round(middle(rounds.map((r) => r.perCpuSecond)))} guests/s of CPU time (median of ${ROUNDS} rounds of ${MS} ms)`,
);
