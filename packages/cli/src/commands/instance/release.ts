import { parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instancesArgument } from '../../names.ts';
import { concludeEach, operationFlags, wishFlags } from '../../operations/submit.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';

export const instanceRelease: Verb = {
  words: 'instance release',
  summary: 'give imported instances back: their domains go on, and Gantry forgets them',
  details:
    'The domain stays as it is, running or stopped, defined in libvirt with its disks; Gantry takes its own element out of the metadata, frees name, MACs and addresses, and starts, stops and watches it no more. `gantry instance import` takes it again.',
  arguments: [instancesArgument],
  flags: [...wishFlags, ...operationFlags],
  examples: ['gantry instance release mail', 'gantry instance release mail --plan'],
  run: releaseInstances,
};

async function releaseInstances(session: Session, given: Given): Promise<void> {
  const plan = given.on('plan');
  if (!plan) await session.confirm(`Give ${given.args.join(', ')} back to libvirt?`);
  const query = plan ? { plan: true } : {};
  const body = {
    ...given.string('reason', 'reason'),
    ...given.put('deadlineMs', 'deadline', parseDurationMs),
  };
  await concludeEach(session, given, (ref) =>
    session.client.call('releaseInstance', { params: { ref }, query, body }),
  );
}
