/** The way to the API of the chosen cluster. */
import { Client, type Trace } from '@gantry/client';
import { version } from '@gantry/model';
import { resolveContext } from './config.ts';
import type { Io } from './io.ts';
import { printable } from './output/printable.ts';
import type { Connect } from './session.ts';

export const connect: Connect = (io, globals) =>
  new Client({
    ...resolveContext(io.env, globals.cluster),
    ...(globals.project === undefined ? {} : { project: globals.project }),
    userAgent: `gantry/${version}`,
    ...(globals.trace ? { onTrace: (trace: Trace) => print(io, trace) } : {}),
  });

function print(io: Io, { method, path, body, status, requestId, tookMs }: Trace): void {
  const sent = body === undefined ? '' : ` ${JSON.stringify(body, withoutSecrets)}`;
  const id = requestId ? `  request ${requestId}` : '';
  io.stderr.write(printable(`trace: ${method} ${path}${sent} -> ${status} in ${tookMs.toFixed(1)} ms${id}`));
  io.stderr.write('\n');
}

/** What nobody shall read over a shoulder, or in a log. */
const withoutSecrets = (key: string, value: unknown): unknown => (key === 'password' ? '***' : value);
