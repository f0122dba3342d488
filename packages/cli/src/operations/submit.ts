/** Commands that start an operation: --plan, --detach, waiting with progress, and what is said at the end. */
import { formatMs, type Operation, type Plan, parseDurationMs } from '@gantry/model';
import type { Given } from '../given.ts';
import type { Session } from '../session.ts';
import type { Flag } from '../verb.ts';
import { follow } from './follow.ts';
import { timelineText, titleOf, tookMs } from './words.ts';

export const planFlag: Flag = { flags: '--plan', description: 'only say what would happen and why' };
/** For the API: `--plan` as it is given. */
export const planQuery = (given: Given): { plan?: true } => (given.on('plan') ? { plan: true } : {});
export const waitFlags: readonly Flag[] = [
  { flags: '--wait', description: 'wait for the end (the default)' },
  { flags: '--detach', description: 'do not wait: print the operation' },
  { flags: '--timeout <duration>', description: 'wait at most so long (30s, 5m); the operation goes on' },
];
export const operationFlags: readonly Flag[] = [planFlag, ...waitFlags];

export const deadlineFlag = (description: string): Flag => ({ flags: '--deadline <duration>', description });
export const reasonFlag: Flag = { flags: '--reason <text>', description: 'kept with the operation' };
/** Of operations on devices, which a guest may refuse, or say nothing to. */
export const deviceFlags: readonly Flag[] = [
  deadlineFlag('give up when it is not done by then'),
  reasonFlag,
  ...operationFlags,
];
/** What most operations take beside what is wanted of them. */
export const wishFlags: readonly Flag[] = [
  deadlineFlag('fail when it is not done by then, default 10m'),
  reasonFlag,
];

export const isPlan = (answer: Operation | Plan): answer is Plan => 'plan' in answer;

/** What a plan says, for people; the API's own object else. */
export async function showPlan(session: Session, plan: Plan): Promise<void> {
  await session.out.object(plan, '', () =>
    plan.plan.length > 0 ? plan.plan.join('\n') : 'nothing would change',
  );
}

/**
 * Asks for the same of several instances, then follows all that were started. A refusal ends the asking, and is told last: what was
 * started before it goes on.
 */
export async function concludeEach(
  session: Session,
  given: Given,
  submit: (ref: string) => Promise<Operation | Plan>,
  next?: (operation: Operation) => string,
): Promise<void> {
  await requireExisting(session, given.args);
  const answers: (Operation | Plan)[] = [];
  let failure: unknown;
  try {
    for (const ref of given.args) answers.push(await submit(ref));
  } catch (error) {
    failure = error;
  }
  for (const answer of answers) await conclude(session, given, answer, next);
  if (failure !== undefined) throw failure;
}

/** A mistyped name among several is told before anything is begun. */
async function requireExisting({ client }: Session, names: readonly string[]): Promise<void> {
  if (names.length < 2) return;
  await Promise.all(names.map((ref) => client.call('getInstance', { params: { ref } })));
}

/** Follows what was started, unless it is only a plan or --detach was given. `next` is the command to try afterwards. */
export async function conclude(
  session: Session,
  given: Given,
  answer: Operation | Plan,
  next: (operation: Operation) => string = () => '',
): Promise<void> {
  if (isPlan(answer)) return await showPlan(session, answer);
  if (given.on('detach')) return await detached(session, answer);
  const timeout = given.put('timeoutMs', 'timeout', parseDurationMs);
  const ended = await follow(session, answer, timeout);
  const hint = next(ended);
  session.note(`done in ${formatMs(tookMs(ended, Date.now()))}${hint ? `   ${hint}` : ''}`);
  await noteInstance(session, ended);
  await session.out.result(ended, ended.spec.target.name);
}

async function detached(session: Session, operation: Operation): Promise<void> {
  const { number } = operation.spec;
  await session.out.object(operation, String(number), () => `op ${number}  ${titleOf(operation)}`);
  session.note(`follow it: gantry op watch ${number}`);
}

/** Where it is reached, and how long what took. */
async function noteInstance(session: Session, { spec }: Operation): Promise<void> {
  if (session.globals.quiet || !/^instance[.](create|start)$/.test(spec.kind)) return;
  const params = { ref: spec.target.id };
  // Deleted meanwhile, or the connection is gone: the operation ended well all the same.
  const instance = await session.client.call('getInstance', { params }).catch(() => undefined);
  if (!instance) return;
  const addresses = instance.spec.nics.flatMap(({ ipv4, ipv6 }) => [ipv4 ?? [], ipv6 ?? []].flat());
  if (addresses.length > 0) session.note(`  address   ${addresses.join(' ')}`);
  const text = timelineText(instance.status.timeline);
  if (text) session.note(`  timeline  ${text}`);
}
