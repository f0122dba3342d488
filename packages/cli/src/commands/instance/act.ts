/** start, stop, reboot, reset, pause, resume and nmi: one shape. */
import { type Body, type Operation, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instancesArgument } from '../../names.ts';
import { concludeEach, operationFlags, wishFlags } from '../../operations/submit.ts';
import type { Session } from '../../session.ts';
import type { Flag, Verb } from '../../verb.ts';
import { bootOnce } from '../boot-flags.ts';

type ActRoute =
  | 'startInstance'
  | 'stopInstance'
  | 'rebootInstance'
  | 'resetInstance'
  | 'pauseInstance'
  | 'resumeInstance'
  | 'suspendInstance'
  | 'unrescueInstance'
  | 'nmiInstance';

const common: readonly Flag[] = [...wishFlags, ...operationFlags];

/** The command of one verb; several names are asked for together and then waited for one after the other. */
export const actVerb = (
  verb: string,
  route: ActRoute,
  more: Pick<Verb, 'summary' | 'details' | 'examples' | 'flags'>,
): Verb => ({
  words: `instance ${verb}`,
  arguments: [instancesArgument],
  ...more,
  flags: [...(more.flags ?? []), ...common],
  run: (session, given) => act(session, given, route),
});

async function act(session: Session, given: Given, route: ActRoute): Promise<void> {
  const query = given.on('plan') ? { plan: true } : {};
  const body = bodyOf(given);
  const submit = (ref: string) => session.client.call(route, { params: { ref }, query, body });
  const console = ({ spec }: Operation) => `gantry console ${spec.target.name}`;
  const down = route === 'stopInstance' || route === 'suspendInstance';
  await concludeEach(session, given, submit, down ? undefined : console);
}

const bodyOf = (given: Given): Body<ActRoute> => ({
  ...(given.on('force') ? { force: true } : {}),
  ...(given.on('discardSaved') ? { discardSaved: true } : {}),
  ...bootOnce(given),
  ...given.put('timeoutMs', 'grace', parseDurationMs),
  ...given.put('until', 'until', (text) => text as 'running'),
  ...given.put('deadlineMs', 'deadline', parseDurationMs),
  ...given.string('reason', 'reason'),
});

export const untilFlag: Flag = {
  flags: '--until <sign>',
  description: 'when it counts as done',
  choices: ['running', 'ping', 'ssh'],
};
