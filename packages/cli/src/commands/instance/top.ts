import { counted, formatBytes, type InstanceStats } from '@gantry/model';
import { lines, printable } from '../../output/printable.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { columns, type Measure, measures, type Reading, use } from './stats-columns.ts';
import { countFlag, everyFlag, watchReadings } from './stats-watch.ts';

/** Lines of a terminal that are not the table’s: summary, heading, prompt. */
const OTHER_LINES = 4;

export const top: Verb = {
  words: 'top',
  summary: 'who uses most, live: CPU, memory, disks and networks of what runs',
  details:
    'Per second since the reading before; the first one shows totals since the start of each guest. With -o json one line for each reading.',
  flags: [
    {
      flags: '--by <measure>',
      description: 'what they are ordered by, default cpu',
      choices: Object.keys(measures),
    },
    everyFlag,
    countFlag,
  ],
  examples: ['gantry top', 'gantry top --by written --every 5s', 'gantry top --count 2 -o json'],
  async run(session, given) {
    const by = (given.text('by') ?? 'cpu') as Measure;
    let silent: readonly string[] = [];
    const read = async (): Promise<InstanceStats[]> => {
      const answer = await session.client.call('listInstanceStats', {});
      silent = answer.silent;
      return answer.items;
    };
    await watchReadings(session, given, read, (readings) =>
      draw(
        session,
        [...readings].sort((a, b) => use(b, by) - use(a, by)),
        silent,
      ),
    );
  },
};

async function draw(
  { out, io }: Session,
  readings: readonly Reading[],
  silent: readonly string[],
): Promise<void> {
  if (out.format === 'json') return out.json(readings.map(({ now }) => now));
  const fitting = readings.slice(0, Math.max(1, (io.stdout.rows ?? Number.POSITIVE_INFINITY) - OTHER_LINES));
  out.redraw(lines(printable(summary(readings, silent)), await out.listText(fitting, columns)));
}

/** One line on all of them. */
export function summary(readings: readonly Reading[], silent: readonly string[]): string {
  const sum = (one: (reading: Reading) => number) =>
    readings.reduce((total, reading) => total + one(reading), 0);
  const nodes = new Set(readings.map(({ now }) => now.node)).size;
  const compared = readings.length > 0 && readings.every(({ before }) => before);
  const cpu = compared ? `cpu ${(sum((each) => use(each, 'cpu')) / 10).toFixed(1)} % on ` : '';
  return [
    `${readings.length} running on ${counted(nodes, 'node')}`,
    `${cpu}${counted(
      sum(({ now }) => now.cpu.vcpus),
      'vCPU',
    )}`,
    `memory ${formatBytes(sum(({ now }) => now.memory.currentBytes))}`,
    ...(silent.length > 0 ? [`no answer from ${silent.join(', ')}`] : []),
  ].join('   ');
}
