/** The agent's networks as a process of their own, so that they run in a network namespace and can be killed. */
import { createInterface } from 'node:readline';
import { systemClock } from '../../packages/agent/src/host/clock.ts';
import { probe } from '../../packages/agent/src/liveness/probe.ts';
import { nodeNetwork } from '../../packages/agent/src/network/network.ts';
import { run } from '../../packages/agent/src/process/run.ts';

/** `controller`: its address; without one it always answers. */
const [dir = '', cluster = '', dieBefore = '', controller = ''] = process.argv.slice(2);

/** Counts the programs that change something; before the n-th of them the process ends at once, as by a crash. */
let changes = 0;
const countedRun: typeof run = (argv, options) => {
  const looks = argv.includes('show') || argv.includes('list');
  if (!looks && ++changes === Number(dieBefore)) process.kill(process.pid, 'SIGKILL');
  return run(argv, options);
};
const reaches = (): Promise<boolean> =>
  controller === ''
    ? Promise.resolve(true)
    : run(['ping', '-c', '1', '-W', '5', controller]).then(
        () => true,
        () => false,
      );
const network = nodeNetwork({ dir, cluster: () => cluster, clock: systemClock, reaches, run: countedRun });

const methods: Record<string, (...args: never[]) => unknown> = {
  ensure: network.ensure,
  remove: network.remove,
  observe: network.observe,
  changes: () => changes,
  async observeMs(times: number) {
    const started = performance.now();
    for (let i = 0; i < times; i++) await network.observe();
    return (performance.now() - started) / times;
  },
  async probe(target: Parameters<typeof probe>[0], limitMs: number) {
    const signs: Record<string, number> = {};
    await probe(target, (sign, at) => (signs[sign] = at), AbortSignal.timeout(limitMs), {
      clock: systemClock,
    });
    return signs;
  },
};

createInterface(process.stdin).on('line', (line) => {
  const { id, method, args } = JSON.parse(line) as { id: number; method: string; args: never[] };
  const answer = (value: object) => process.stdout.write(`${JSON.stringify({ id, ...value })}\n`);
  Promise.resolve()
    .then(() => methods[method]?.(...args))
    .then(
      (result) => answer({ result: result ?? null }),
      (error: Error & { code?: string }) => answer({ error: `${error.code}: ${error.message}` }),
    );
});
