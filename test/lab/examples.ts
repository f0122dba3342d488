/**
 * The examples of the documentation, for the tests that execute them. test/tooling/docs.test.ts holds every page against
 * those tests: a page whose examples nobody executes fails there.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** What stands in for names, addresses and files of an example: whole words, and parts of them between `=`, `:` and `,`. */
export type Replaced = Readonly<Record<string, string>>;

export interface Examples {
  /** The command lines that begin with `gantry `, without that word and their comments. */
  readonly commands: readonly string[];
  /**
   * The words of the command that is, or alone begins with, `start`: executed from then on.
   * @throws unless there is one
   */
  take(start: string, replaced?: Replaced): string[];
  /** Those that nobody took. */
  left(): string[];
}

/** A part of a page: all that stands below one heading, before the next. */
export interface Part {
  readonly heading: string;
  /** Of its `sh` and `console` blocks: without `gantry` and comments. */
  readonly commands: readonly string[];
  /** Of its other blocks. */
  readonly other: readonly string[];
}

/** Of a file below the repository's root. */
export function partsOf(page: string): Part[] {
  const parts: { heading: string; commands: string[]; other: string[] }[] = [];
  let block: string | undefined;
  for (const line of readFileSync(join(root, page), 'utf8').split('\n')) {
    const fence = /^```(\w*)/.exec(line);
    if (fence) block = block === undefined ? fence[1] : undefined;
    else if (block === undefined && /^#+ /.test(line))
      parts.push({ heading: line.replace(/^#+ /, ''), commands: [], other: [] });
    const command = /^(?:\$ )?gantry (.+?)(?: +#.*)?$/.exec(line)?.[1];
    if (block === undefined || command === undefined) continue;
    parts.at(-1)?.[/^(sh|console)$/.test(block) ? 'commands' : 'other'].push(command);
  }
  return parts;
}

/** Those of a page, or of the part below one heading of it. @throws where there are none */
export function examplesOf(page: string, heading?: string): Examples {
  const parts = partsOf(page).filter((part) => heading === undefined || part.heading === heading);
  const commands = parts.flatMap((part) => part.commands);
  if (commands.length === 0) throw new Error(`${page} has no examples${heading ? ` below ${heading}` : ''}`);
  const taken = new Set<string>();
  return {
    commands,
    take(start, replaced = {}) {
      const [command, ...more] = commands.includes(start)
        ? [start]
        : commands.filter((each) => each.startsWith(`${start} `));
      if (command === undefined || more.length > 0)
        throw new Error(`${page}: ${1 + more.length} examples begin with ${start}`);
      taken.add(command);
      return wordsOf(command).map((word) => replace(word, replaced));
    },
    left: () => commands.filter((command) => !taken.has(command)),
  };
}

/** As a shell parts them: blanks, single quotes. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);

const replace = (word: string, replaced: Replaced): string =>
  replaced[word] ??
  word
    .split(/([=:,])/)
    .map((part) => replaced[part] ?? part)
    .join('');
