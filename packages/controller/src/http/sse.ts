/** Server-sent events: one JSON document each, its revision as id, a comment now and then so that dead peers show. */
import type { ServerResponse } from 'node:http';
import { toProblem } from '@gantry/model';
import type { ServerEvent } from '../api/call.ts';
import type { Env } from '../env.ts';

const HEARTBEAT_MS = 15_000;

/** Until the events end, fail (told as event `error`) or the peer is gone. A slow reader slows the source. */
export async function sendEvents(
  env: Env,
  response: ServerResponse,
  events: AsyncIterable<ServerEvent>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  const stop = new AbortController();
  void beat(env, response, AbortSignal.any([signal, stop.signal]));
  try {
    for await (const event of events) {
      if (signal.aborted) break;
      if (!response.write(format(event))) await drained(response, signal);
    }
  } catch (error) {
    if (!signal.aborted) response.write(format({ event: 'error', data: toProblem(error) }));
  } finally {
    stop.abort();
    response.end();
  }
}

const format = ({ event, id, data }: ServerEvent): string =>
  `event: ${event}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`;

async function beat(env: Env, response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    for (;;) {
      await env.clock.sleep(HEARTBEAT_MS, signal);
      response.write(':\n\n');
    }
  } catch {
    // the stream has ended
  }
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    signal.addEventListener('abort', done);
  });
}
