/** The node’s end of calls, as a script. */
import { duplexPair } from 'node:stream';
import type { NodeCall, TunnelRequest } from '@gantry/model';
import type { Controller } from '../controller.ts';

type Says = (call: NodeCall) => string | undefined;

/**
 * Resolves when it listens: what is asked before finds nobody there.
 * @param says the line that goes back; undefined: nothing, ever
 */
export async function answerCalls(
  controller: Controller,
  token: string,
  says: Says,
  signal: AbortSignal,
): Promise<void> {
  const { events = [] } = await controller.call('watchAssignments', { token, signal });
  const listens = Promise.withResolvers<void>();
  const answering = (async () => {
    for await (const { event, data } of events) {
      // the first word comes from who is listened to already
      listens.resolve();
      if (event === 'tunnel') await answer(controller, token, says, data as TunnelRequest);
    }
  })();
  answering.then(listens.resolve, listens.reject);
  await listens.promise;
}

async function answer(
  controller: Controller,
  token: string,
  says: Says,
  { tunnel, what }: TunnelRequest,
): Promise<void> {
  if (what.kind !== 'call') throw new Error(`a tunnel for ${what.kind}, and not for a call`);
  // Who asked may have given up meanwhile.
  const reply = await controller.call('tunnel', { token, params: { id: tunnel } }).catch(() => undefined);
  const [near, far] = duplexPair();
  far.on('error', () => {});
  far.once('data', (line: Buffer) => {
    const text = says(JSON.parse(line.toString()) as NodeCall);
    if (text !== undefined) far.end(text);
  });
  reply?.socket?.(near);
}
