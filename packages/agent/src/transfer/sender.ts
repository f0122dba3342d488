/** Sends a disk to the port of another node: asks what it has, then streams what it lacks. */
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type DiskSend, formatBytes, isGantryError, type Problem } from '@gantry/model';
import type { Logger } from '../actions.ts';
import type { Identity } from '../identity/identity-files.ts';
import { dataExtents } from './extents.ts';
import { SILENCE_MS, TICKET_HEADER } from './listener.ts';
import { broken, type FileHead, messagesOf } from './messages.ts';

/** In the order in which they go; without a path it is empty. */
export interface Outgoing {
  head: FileHead;
  path?: string;
}

export interface Shipment {
  disk: string;
  /** Its name, for people. */
  called: string;
  send: DiskSend;
  files: readonly Outgoing[];
}

const TELL_EVERY_MS = 10_000;
const MOST_ANSWER_BYTES = 65_536;

/** @throws GantryError `transfer_failed` */
export async function sendDisk(
  { disk, called, send, files }: Shipment,
  { ca, agent }: Identity,
  { log, now }: { log: Logger; now: () => number },
  signal: AbortSignal,
): Promise<void> {
  const { address: host, port } = send.at;
  const connections = new Agent({
    ...{ ca, ...agent, minVersion: 'TLSv1.3' as const },
    // the certificate must be of that node, wherever its address leads
    servername: send.name,
  });
  const options = {
    ...{ host, port, agent: connections, signal, timeout: SILENCE_MS },
    headers: { [TICKET_HEADER]: send.ticket },
  };
  try {
    const base = files.find(({ head }) => head.what === 'base')?.head;
    const query = base?.what === 'base' ? `?base=${base.sha256}` : '';
    const path = `/v1/disks/${disk}`;
    const has = (await exchange({ ...options, method: 'GET', path: `${path}${query}` })) as {
      disk: boolean;
      base: boolean;
    };
    if (has.disk) {
      log('info', `disk ${called} is at ${send.name} already`);
      return;
    }
    const wanted = files.filter(({ head }) => head.what !== 'base' || !has.base);
    const progress = progressOf(log, now, `disk ${called}`, send.name);
    const body = Readable.from(streamOf(wanted, progress.went, signal), { objectMode: false });
    await exchange({ ...options, method: 'PUT', path }, body);
    const along = wanted.some(({ head }) => head.what === 'base') ? ', with the image that it stands on' : '';
    log('info', `disk ${called} was sent to ${send.name}: ${formatBytes(progress.sum())}${along}`);
  } catch (error) {
    signal.throwIfAborted();
    throw isGantryError(error) ? error : broken(`${send.name} (${host}:${port}): ${textOf(error)}`, error);
  } finally {
    connections.destroy();
  }
}

async function* streamOf(files: readonly Outgoing[], told: (bytes: number) => void, signal: AbortSignal) {
  for (const { head, path } of files) {
    if (path === undefined) {
      yield* messagesOf(head, undefined);
      continue;
    }
    const extents = await dataExtents(path, signal);
    const handle = await open(path, 'r');
    try {
      const { size: sizeBytes } = await handle.stat();
      yield* messagesOf(head, { handle, sizeBytes, extents }, told);
    } finally {
      await handle.close();
    }
  }
}

/** A line for the log once in a while, and none for what is quickly done. */
function progressOf(log: Logger, now: () => number, what: string, to: string) {
  let [sum, tellAt] = [0, now() + TELL_EVERY_MS];
  return {
    sum: () => sum,
    went(bytes: number): void {
      sum += bytes;
      if (now() < tellAt) return;
      tellAt = now() + TELL_EVERY_MS;
      log('info', `${formatBytes(sum)} of ${what} and what it stands on sent to ${to} so far`);
    },
  };
}

/** @throws what the other side refuses with */
async function exchange(options: RequestOptions, body?: Readable): Promise<unknown> {
  const call = request(options);
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    call.once('response', resolve).once('error', reject);
    call.once('timeout', () => call.destroy(new Error(`silent for ${SILENCE_MS / 1000} s`)));
  });
  answered.catch(() => undefined);
  if (body) {
    // an answer before the end is a refusal, and is what counts
    await Promise.race([pipeline(body, call).catch(() => answered), answered]);
  } else call.end();
  const response = await answered;
  const text = await textFrom(response);
  if (response.statusCode === 200) return JSON.parse(text);
  body?.destroy();
  throw broken((JSON.parse(text) as Problem).title);
}

async function textFrom(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MOST_ANSWER_BYTES) throw new Error('its answer is too long');
  }
  return text;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
