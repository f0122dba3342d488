import { parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instancesArgument } from '../../names.ts';
import { concludeEach, operationFlags } from '../../operations/submit.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';

export const instanceDelete: Verb = {
  words: 'instance delete',
  summary: 'delete instances and the disks made with them',
  arguments: [instancesArgument],
  flags: [
    { flags: '--deadline <duration>', description: 'fail when it is not done by then, default 10m' },
    ...operationFlags,
  ],
  examples: ['gantry instance delete web1', 'gantry instance delete web1 web2 --yes'],
  run: deleteInstances,
};

async function deleteInstances(session: Session, given: Given): Promise<void> {
  const plan = given.on('plan');
  if (!plan) await session.confirm(`Delete ${given.args.join(', ')} and the disks made with it?`);
  const query = { ...(plan ? { plan: true } : {}), ...given.put('deadlineMs', 'deadline', parseDurationMs) };
  await concludeEach(session, given, (ref) =>
    session.client.call('deleteInstance', { params: { ref }, query }),
  );
}
