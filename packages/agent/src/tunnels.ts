/** Byte streams to users over our own outgoing connection: serial console, display, console log; and calls. */
import { createReadStream } from 'node:fs';
import { stat, watch } from 'node:fs/promises';
import { connect } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TunnelRequest } from '@gantry/model';
import { serveCommand } from './commands/serve-command.ts';
import type { Env } from './env.ts';
import type { Guests } from './guests/guests.ts';
import type { AgentLink } from './link.ts';
import { type AnswerCall, answerCall } from './node-calls.ts';

export interface TunnelParts {
  env: Env;
  link: AgentLink;
  guests: Pick<Guests, 'console' | 'execInside' | 'paths'>;
  answer: AnswerCall;
}

/** Who has left a console or a display may have typed before: so long it may take until the guest's end has that. */
const TYPED_MS = 10_000;

/** Opens what was asked for, dials in, and joins the two until one ends. Failures end the tunnel with their reason. */
export async function serveTunnel(
  { env, link, guests, answer }: TunnelParts,
  request: TunnelRequest,
  signal: AbortSignal,
): Promise<void> {
  const { tunnel, what } = request;
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const { bytes, closed } = await link.tunnel(tunnel, either);
  void closed
    .then(() => (isJoined(what) ? env.clock.sleep(TYPED_MS, either) : undefined))
    .then(
      () => ended.abort(),
      () => undefined,
    );
  try {
    await serve({ guests, answer }, what, bytes, either);
  } catch (error) {
    if (!either.aborted) env.log('warn', 'a tunnel broke', { kind: what.kind, error: String(error) });
    bytes.destroy();
  } finally {
    ended.abort();
  }
}

async function serve(
  { guests, answer }: Pick<TunnelParts, 'guests' | 'answer'>,
  what: TunnelRequest['what'],
  bytes: Duplex,
  signal: AbortSignal,
): Promise<void> {
  if (what.kind === 'call') await answerCall(bytes, answer);
  else if (what.kind === 'command') await serveCommand(bytes, guests.execInside, signal);
  else if (what.kind === 'log')
    await pipeline(logOf(guests.paths(what.instance).console, what, signal), bytes, { signal });
  else await join(bytes, await open(guests, what), signal);
}

type Joined = Extract<TunnelRequest['what'], { kind: 'console' | 'vnc' }>;

const isJoined = ({ kind }: TunnelRequest['what']): boolean => kind === 'console' || kind === 'vnc';

async function open(guests: TunnelParts['guests'], what: Joined): Promise<Duplex> {
  if (what.kind === 'vnc') return connect(guests.paths(what.instance).vnc);
  return guests.console(what.instance);
}

async function join(user: Duplex, guest: Duplex, signal: AbortSignal): Promise<void> {
  guest.on('error', () => undefined);
  try {
    await Promise.race([pipeline(user, guest, { signal }), pipeline(guest, user, { signal })]);
  } finally {
    guest.destroy();
    user.destroy();
  }
}

/** The end of the file, and with `follow` what is added to it; a file that was cut begins anew. */
function logOf(
  path: string,
  { follow, tailBytes }: { follow: boolean; tailBytes: number },
  signal: AbortSignal,
): Readable {
  return Readable.from(grow(path, tailBytes, follow, signal));
}

async function* grow(
  path: string,
  tailBytes: number,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let position = Math.max(0, (await sizeOf(path)) - tailBytes);
  const changes = follow ? watch(path, { signal })[Symbol.asyncIterator]() : undefined;
  for (;;) {
    const size = await sizeOf(path);
    if (size < position) position = 0;
    if (size > position) {
      for await (const chunk of createReadStream(path, { start: position, end: size - 1, signal }))
        yield chunk as Uint8Array;
      position = size;
    } else if (!changes || (await changes.next()).done) return;
  }
}

/** A guest that never ran has no log yet. */
const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
