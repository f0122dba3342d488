import { expect, test } from 'vitest';
import { type Globals, Session } from '../session.ts';
import { fakeIo } from '../testing/fake-io.ts';
import { operation } from '../testing/samples.ts';
import { follow } from './follow.ts';

const DAY_MS = 86_400_000;

/** A controller that tells of the end a moment later. */
const client = {
  async *events(_route: string, _input: unknown, { signal }: { signal: AbortSignal }) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    signal.throwIfAborted();
    yield { data: JSON.stringify(operation('succeeded')) };
  },
};

test('who waits for a month at most does not give up at once', async () => {
  const session = new Session(fakeIo(), { quiet: true } as Globals, () => client as never);
  const ended = await follow(session, operation('running'), { timeoutMs: 30 * DAY_MS });
  expect(ended.status.state).toBe('succeeded');
});
