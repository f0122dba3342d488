/** What waits costs: resident memory of the daemons, and the time of the commonest command, as whole processes. Needs root. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../test/lab/cluster.ts';

const RUNS = 15;
const middle = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function timed(act: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

const cluster = await startCluster();
try {
  await cluster.ok('launch', 'debian/12', 'idle', '--until', 'ping', '-q');
  await sleep(20_000);
  for (const part of ['agent', 'server'] as const)
    for (const { pid } of await cluster.processes(part)) {
      const kib = Number(/VmRSS:\s+(\d+)/.exec(await cluster.exec('cat', `/proc/${pid}/status`))?.[1]);
      console.log(
        `${`${part}, idle for 20 s`.padEnd(32)} ${(kib / 1024).toFixed(0).padStart(6)} MB resident`,
      );
    }
  for (const words of [['instance', 'list'], ['--version']]) {
    const times: number[] = [];
    for (let run = 0; run <= RUNS; run++) times.push(await timed(() => cluster.ok(...words)));
    console.log(
      `${`gantry ${words.join(' ')}`.padEnd(32)} ${middle(times.slice(1)).toFixed(0).padStart(6)} ms (${Math.min(...times).toFixed(0)} at best)`,
    );
  }
} finally {
  await cluster.stop();
}
