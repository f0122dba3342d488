/** The node’s end of calls, as a script. */
import { duplexPair } from 'node:stream';
import type { NodeCall, TunnelRequest } from '@gantry/model';
import type { Controller } from '../controller.ts';

/** @param says the line that goes back; undefined: nothing, ever */
export async function answerCalls(
  controller: Controller,
  token: string,
  says: (call: NodeCall) => string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { events = [] } = await controller.call('watchAssignments', { token, signal });
  for await (const { event, data } of events) {
    if (event !== 'tunnel') continue;
    const { tunnel, what } = data as TunnelRequest;
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
}
