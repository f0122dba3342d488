import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalState } from '../env.ts';
import { decodeJournal, encodeJournal, fileJournal } from './journal.ts';

let dir: string;
let path: string;
const logged: string[] = [];
const env = {
  clock: { now: () => 1000 },
  log: (_level: string, message: string, fields?: Record<string, unknown>) => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  },
};
const state = (run: number): JournalState => ({ run, acts: {}, guests: { a: { restarts: [run] } } });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-journal-'));
  path = join(dir, 'agent', 'journal.json');
  logged.length = 0;
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('fileJournal', () => {
  it('has nothing at first, then what was written', async () => {
    const journal = fileJournal({ path, env });
    expect(await journal.read()).toBeUndefined();
    await journal.write(state(1));
    await journal.write(state(2));
    expect(await fileJournal({ path, env }).read()).toEqual(state(2));
    expect(await readdir(join(dir, 'agent'))).toEqual(['journal.json']);
  });

  it('sets a damaged file aside with a log line and starts anew', async () => {
    const journal = fileJournal({ path, env });
    await journal.read();
    await journal.write(state(1));
    const whole = await readFile(path);
    await truncate(path, whole.length - 5);
    expect(await fileJournal({ path, env }).read()).toBeUndefined();
    expect(await readdir(join(dir, 'agent'))).toEqual(['journal.json.corrupt-1000']);
    expect(logged.join()).toContain('it is cut off');
    await journal.write(state(3));
    expect(await fileJournal({ path, env }).read()).toEqual(state(3));
  });

  it('ignores what a crash left half written', async () => {
    const journal = fileJournal({ path, env });
    await journal.read();
    await journal.write(state(1));
    await writeFile(`${path}.new`, 'half');
    expect(await fileJournal({ path, env }).read()).toEqual(state(1));
    await journal.write(state(2));
    expect(await readdir(join(dir, 'agent'))).toEqual(['journal.json']);
  });

  it('writes one at a time, and of those that wait only the last', async () => {
    const written: number[] = [];
    let release = () => {};
    let inside = 0;
    const journal = fileJournal({
      path,
      env,
      write: async (_path, text) => {
        expect(++inside).toBe(1);
        await new Promise<void>((go) => {
          release = go;
        });
        written.push(decodeJournal(text).run);
        inside--;
      },
    });
    const changing = state(1);
    const first = journal.write(changing);
    changing.run = 99; // after the call: must not be seen
    const others = [journal.write(state(2)), journal.write(state(3)), journal.write(state(4))];
    release();
    await first;
    await new Promise((go) => setImmediate(go));
    release();
    await Promise.all(others);
    expect(written).toEqual([1, 4]);
  });

  it('tells the writer of a failed write, and goes on', async () => {
    let fail = true;
    const journal = fileJournal({
      path,
      env,
      write: async () => {
        if (fail) throw new Error('ENOSPC');
      },
    });
    const first = journal.write(state(1));
    const second = journal.write(state(2));
    await Promise.all([first, second].map((write) => expect(write).rejects.toThrow('ENOSPC')));
    fail = false;
    await journal.write(state(3));
  });

  it('survives a full disk: the old journal stays', async () => {
    const journal = fileJournal({ path, env });
    await journal.read();
    await journal.write(state(1));
    // A directory in the way of the temporary file stands for any failure to write it.
    await mkdir(`${path}.new`);
    await expect(journal.write(state(2))).rejects.toThrow('EISDIR');
    expect(await fileJournal({ path, env }).read()).toEqual(state(1));
  });
});

describe('encodeJournal', () => {
  it('finds any cut and any changed byte', () => {
    const text = encodeJournal(state(7));
    fc.assert(
      fc.property(fc.nat(text.length - 1), (at) => {
        expect(() => decodeJournal(text.slice(0, at))).toThrow();
        const other = text[at] === 'x' ? 'y' : 'x';
        expect(() => decodeJournal(text.slice(0, at) + other + text.slice(at + 1))).toThrow();
      }),
    );
    expect(decodeJournal(text)).toEqual(state(7));
  });
});
