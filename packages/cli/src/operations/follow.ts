/** Waits for an operation and shows what it does. */
import { resuming, type ServerEvent } from '@gantry/client';
import {
  err,
  formatMs,
  fromProblem,
  type LogLine,
  type Operation,
  operationEnded,
  timerMs,
} from '@gantry/model';
import type { Session } from '../session.ts';
import { LiveLine } from './live-line.ts';
import { Progress } from './progress.ts';
import { titleOf, tookMs } from './words.ts';

export interface FollowOptions {
  /** Give up waiting after this; the operation goes on. */
  timeoutMs?: number;
}

/**
 * The operation as it ended well.
 * @throws GantryError its own error when it failed, `operation_cancelled`, or `still_running` when waiting ended first
 */
export async function follow(
  session: Session,
  operation: Operation,
  options: FollowOptions = {},
): Promise<Operation> {
  const waiting = new AbortController();
  const off = session.io.onInterrupt(() => waiting.abort('interrupted'));
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => waiting.abort('timeout'), timerMs(options.timeoutMs));
  try {
    const ended = await untilEnded(session, operation, waiting.signal);
    if (!ended) throw goesOn(session, operation, waiting.signal.reason === 'interrupted');
    return outcome(ended);
  } finally {
    clearTimeout(timer);
    off();
  }
}

async function untilEnded(
  session: Session,
  operation: Operation,
  signal: AbortSignal,
): Promise<Operation | undefined> {
  const progress = new Progress(session.globals.verbose);
  const silent = session.globals.quiet;
  const live = silent ? undefined : new LiveLine(session.io, () => progress.live(Date.now()));
  const see = (current: Operation) => {
    live?.print(progress.see(current));
    return operationEnded(current.status.state) ? current : undefined;
  };
  try {
    const already = see(operation);
    if (already) return already;
    const open = (lastEventId: string | undefined) =>
      session.client.events('watchOperation', { params: { ref: operation.id } }, { signal, lastEventId });
    for await (const event of resuming(open, { signal })) {
      const news = newsOf(event);
      const ended = news && 'status' in news ? see(news) : undefined;
      if (news && 'text' in news) live?.print(progress.log(news));
      if (ended) return ended;
    }
    return undefined;
  } finally {
    live?.end();
  }
}

/** A snapshot of the operation or a line of its log; other events are for later versions. */
function newsOf({ data }: ServerEvent): Operation | LogLine | undefined {
  const value = JSON.parse(data) as Partial<Operation> & Partial<LogLine>;
  if (value.kind === 'operation' && value.status) return value as Operation;
  return typeof value.text === 'string' && typeof value.level === 'string' ? (value as LogLine) : undefined;
}

function outcome(operation: Operation): Operation {
  const { state, error } = operation.status;
  if (state === 'succeeded') return operation;
  const kind = titleOf(operation);
  if (state === 'cancelled')
    throw err('operation_cancelled', { kind, by: operation.spec.cancelRequested?.by ?? 'someone' });
  if (error) throw fromProblem(error);
  throw err('operation_failed', { kind, why: 'it gave no reason', operation: operation.spec.number });
}

function goesOn(session: Session, operation: Operation, interrupted: boolean) {
  const { number } = operation.spec;
  if (interrupted)
    session.note(`detached; the operation goes on. To take it back: gantry op cancel ${number}`);
  return err('still_running', { operation: number, limit: formatMs(tookMs(operation, Date.now())) });
}
