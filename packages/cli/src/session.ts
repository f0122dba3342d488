/** One run of the command: where it speaks, what it may ask, how it answers. */
import type { ReadLineOptions } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import type { Client } from '@gantry/client';
import { err } from '@gantry/model';
import type { Io } from './io.ts';
import { Output, type OutputFormat } from './output/output.ts';
import { printable } from './output/printable.ts';

export interface Globals {
  output: OutputFormat;
  yes: boolean;
  quiet: boolean;
  verbose: boolean;
  trace: boolean;
  project?: string;
  cluster?: string;
}

export type Connect = (io: Io, globals: Globals) => Client;

/** Of commands that only read files. */
const nowhere: Connect = () => {
  throw err('internal', { why: 'a command without a cluster asks for one' });
};

export class Session {
  readonly io: Io;
  readonly globals: Globals;
  readonly out: Output;
  #client: Client | undefined;
  readonly #connect: Connect;

  /** @param connect how a client is made, once it is needed */
  constructor(io: Io, globals: Globals, connect: Connect = nowhere) {
    this.#connect = connect;
    this.io = io;
    this.globals = globals;
    this.out = new Output(io, globals.output);
  }

  /** The API of the chosen cluster. */
  get client(): Client {
    this.#client ??= this.#connect(this.io, this.globals);
    return this.#client;
  }

  /** A line for the person, on stderr; not with --quiet. */
  note(text: string): void {
    if (!this.globals.quiet) this.io.stderr.write(`${printable(text)}\n`);
  }

  /** A line with --verbose only. */
  detail(text: string): void {
    if (this.globals.verbose) this.note(text);
  }

  /**
   * Asks before something is lost. Without a terminal nobody can answer: then --yes is needed.
   * @throws GantryError `usage` when it was not confirmed
   */
  async confirm(question: string): Promise<void> {
    if (this.globals.yes) return;
    if (!this.io.stdin.isTTY || !this.io.stderr.isTTY)
      throw err('usage', { what: `${question} Nobody can be asked here: add --yes` });
    const answer = await this.ask(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw err('usage', { what: 'not confirmed; nothing was changed' });
  }

  /**
   * Asks for the name of what is lost, where `y` would come too easily. `--yes` counts only with the name beside it.
   * @param given the name that the command was given
   * @throws GantryError `usage` when it was not confirmed
   */
  async confirmName(kind: string, name: string, given: string | undefined): Promise<void> {
    const what = (why: string) => err('usage', { what: `${why}; nothing was changed` });
    if (given !== undefined && given !== name) throw what(`this is ${kind} ${name}, not ${given}`);
    if (this.globals.yes && given === name) return;
    if (this.globals.yes) throw what(`--yes alone is not enough here: name the ${kind} beside it`);
    if (!this.io.stdin.isTTY || !this.io.stderr.isTTY)
      throw what(`nobody can be asked here: add the name of the ${kind} and --yes`);
    const answer = await this.ask(`Type the name of the ${kind} to lose all of this: `);
    if (answer.trim() !== name) throw what(`that is not the name of the ${kind}`);
  }

  /** One line from the person. @throws GantryError `usage` where none comes */
  async ask(question: string): Promise<string> {
    return await answerTo(printable(question), { input: this.io.stdin, output: this.io.stderr });
  }

  /** The same, without showing what is typed. Only where there is a terminal. */
  async askSecret(question: string): Promise<string> {
    const { Writable } = await import('node:stream');
    this.io.stderr.write(printable(question));
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    try {
      return await answerTo('', { input: this.io.stdin, output: nowhere, terminal: true });
    } finally {
      this.io.stderr.write('\n');
    }
  }

  close(): void {
    this.#client?.close();
  }
}

/** Ctrl-C, Ctrl-D and a terminal that goes away, now or before, are no answer, and take nothing back. */
async function answerTo(question: string, terminal: ReadLineOptions & { input: Readable }): Promise<string> {
  const unanswered = () => err('usage', { what: 'the question was not answered' });
  if (terminal.input.readableEnded || terminal.input.destroyed) throw unanswered();
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface(terminal);
  const closed = new Promise<never>((_, reject) => lines.once('close', () => reject(unanswered())));
  const answer = lines.question(question).catch(() => Promise.reject(unanswered()));
  try {
    return await Promise.race([answer, closed]);
  } finally {
    lines.close();
  }
}
