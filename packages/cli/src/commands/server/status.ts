import { err } from '@gantry/model';
import { daemonStates, localClient } from '../../cluster/start.ts';
import type { Column } from '../../output/column.ts';
import type { Verb } from '../../verb.ts';
import { localCluster, stateFlag } from '../cluster/state.ts';

interface Row {
  name: string;
  status: string;
  pid?: number;
  log: string;
}

const columns: readonly Column<Row>[] = [
  { name: 'name', value: (row) => row.name },
  { name: 'status', value: (row) => row.status },
  { name: 'pid', value: (row) => row.pid },
  { name: 'log', value: (row) => row.log },
];

export const serverStatus: Verb = {
  words: 'server status',
  summary: 'do controller and agent of this machine run, and does the API answer',
  flags: [stateFlag],
  examples: ['gantry server status', 'gantry server status -o json'],
  async run(session, given) {
    const { layout, settings } = localCluster(given, session.io);
    const states = await daemonStates(layout, settings);
    const rows = states.map(({ daemon, running, pid, log }) => ({
      name: daemon === 'server' ? 'controller' : 'agent',
      status: running ? 'running' : 'stopped',
      ...(pid === undefined ? {} : { pid }),
      log,
    }));
    const client = localClient(layout);
    const answers = await client.call('health', {}, { timeoutMs: 3000 }).then(
      () => true,
      () => false,
    );
    client.close();
    const api = {
      name: 'api',
      status: answers ? 'answers' : 'does not answer',
      log: `unix:${layout.socket}`,
    };
    await session.out.list([...rows, api], columns);
    if (!answers || states.some(({ running }) => !running))
      throw err('host_unfit', {
        why: 'not all of the cluster runs',
        remedy: 'Start it with `gantry cluster start`.',
      });
  },
};
