/**
 * The journal as one JSON file. It is small (assignments of one node) and written whole: reading back never needs a
 * replay, and a write is all or nothing. The digest tells a file that a disk damaged from one that we wrote.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Env, Journal, JournalState } from '../env.ts';
import { syncPath } from '../storage/durable.ts';
import { writeDurably } from './durable.ts';

const FORMAT = 'gantry-agent-journal 1';

export interface FileJournalOptions {
  path: string;
  env: Pick<Env, 'log'> & { clock: Pick<Env['clock'], 'now'> };
  /** For tests: how the file is written. */
  write?: (path: string, text: string) => Promise<void>;
}

/** The journal in a file; its directory is made when missing. Only one process may use it. */
export function fileJournal({ path, env, write = writeDurably }: FileJournalOptions): Journal {
  const coalesce = latestOnly((text: string) => write(path, text));
  return {
    async read() {
      await mkdir(dirname(path), { recursive: true, mode: 0o711 });
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return undefined;
      try {
        return decodeJournal(text);
      } catch (error) {
        await setAside(path, env, error);
        return undefined;
      }
    },
    // The state is put into words now: the caller may change it while an earlier write is still under way.
    write: (state) => coalesce(encodeJournal(state)),
  };
}

/** First line: format and SHA-256 of the rest; second: the state. */
export function encodeJournal(state: JournalState): string {
  const body = JSON.stringify(state);
  return `${FORMAT} ${digestOf(body)}\n${body}\n`;
}

/** @throws Error saying what is wrong with it */
export function decodeJournal(text: string): JournalState {
  const lines = text.split('\n');
  const [head = '', body = ''] = lines;
  if (!head.startsWith(`${FORMAT} `)) throw new Error('it does not begin as a journal does');
  if (lines.length !== 3 || lines[2] !== '') throw new Error('it is cut off');
  if (head !== `${FORMAT} ${digestOf(body)}`) throw new Error('its digest does not match');
  return JSON.parse(body) as JournalState;
}

const digestOf = (body: string): string => createHash('sha256').update(body).digest('hex');

/** An unreadable journal is kept for people; the agent starts anew, finds running guests by looking, and starts none unconfirmed. */
async function setAside(path: string, env: FileJournalOptions['env'], why: unknown): Promise<void> {
  const aside = `${path}.corrupt-${env.clock.now()}`;
  await rename(path, aside);
  await syncPath(dirname(path));
  env.log('error', 'the journal is damaged and was set aside; starting without it', {
    path: aside,
    why: why instanceof Error ? why.message : String(why),
  });
}

/**
 * One call of `write` at a time; of the values that arrive meanwhile only the last is written, and all who wait for
 * one of them are answered by that write.
 */
function latestOnly<T>(write: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let running: Promise<void> | undefined;
  let next: { value: T; done: Promise<void> } | undefined;
  const begin = (value: T): Promise<void> => {
    running = write(value).finally(() => {
      running = undefined;
    });
    return running;
  };
  return (value) => {
    if (next) {
      next.value = value;
      return next.done;
    }
    if (!running) return begin(value);
    const mine = { value, done: Promise.resolve() };
    mine.done = running
      .catch(() => undefined) // its own caller is told
      .then(() => {
        next = undefined;
        return begin(mine.value);
      });
    next = mine;
    return mine.done;
  };
}
