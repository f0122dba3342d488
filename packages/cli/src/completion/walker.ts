/** Candidates for the word that is being typed: walks the commander tree along the words before it. */
import type { Argument, Command, Option } from 'commander';
import { completions } from '../program.ts';
import type { Session } from '../session.ts';
import type { Candidate } from '../verb.ts';

export type Pair = readonly [value: string, description: string];

/** Names that come from the API may take so long; a shell that waits is worse than none. */
const PATIENCE_MS = 2000;

interface Place {
  command: Command;
  /** Arguments already there. */
  args: readonly string[];
  /** The option whose value the last word is. */
  option: Option | undefined;
  /** After `--` there are no options. */
  plain: boolean;
}

/** The candidates that begin with the last word. */
export async function candidatesFor(
  session: Session,
  program: Command,
  words: readonly string[],
): Promise<Pair[]> {
  const current = words.at(-1) ?? '';
  const place = walk(program, words.slice(0, -1));
  const inline = /^(--[\w-]+)=(.*)$/s.exec(current);
  if (inline && !place.option && !place.plain) {
    const option = optionsOf(place.command).find((one) => one.long === inline[1]);
    const values = option ? await valuesOf(session, option, place.args) : [];
    return starting(
      values.map(([value, description]) => [`${inline[1]}=${value}`, description] as const),
      current,
    );
  }
  return starting(await candidatesAt(session, place, current), current);
}

async function candidatesAt(session: Session, place: Place, current: string): Promise<Pair[]> {
  const { command, args, option, plain } = place;
  if (option) return await valuesOf(session, option, args);
  if (current.startsWith('-') && !plain) return flagsOf(command);
  const below = command.commands.filter((child) => args.length === 0 && !isHidden(child));
  const children = below.map((child) => [child.name(), child.summary() || child.description()] as const);
  const argument = argumentAt(command, args.length);
  return [...children, ...(argument ? await valuesOf(session, argument, args) : [])];
}

function walk(program: Command, words: readonly string[]): Place {
  let place: Place = { command: program, args: [], option: undefined, plain: false };
  for (const word of words) place = step(place, word);
  return place;
}

function step(place: Place, word: string): Place {
  if (place.option) return { ...place, option: undefined };
  if (place.plain) return { ...place, args: [...place.args, word] };
  if (word === '--') return { ...place, plain: true };
  if (word.startsWith('-') && word !== '-') {
    const option = optionsOf(place.command).find((one) => one.long === word || one.short === word);
    return { ...place, option: option && takesValue(option) ? option : undefined };
  }
  const child =
    place.args.length === 0 ? place.command.commands.find((one) => one.name() === word) : undefined;
  return child ? { ...place, command: child } : { ...place, args: [...place.args, word] };
}

const takesValue = (option: Option): boolean => option.required || option.optional;

/** Own options and those of all commands above. */
function optionsOf(command: Command): Option[] {
  return [...command.options, ...(command.parent ? optionsOf(command.parent) : [])].filter(
    (option) => !option.hidden,
  );
}

function flagsOf(command: Command): Pair[] {
  const flags = optionsOf(command).map(
    (option) => [option.long ?? option.short ?? '', option.description] as const,
  );
  return [...flags, ['--help', 'explain this command']];
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const all = command.registeredArguments;
  const last = all.at(-1);
  return all[index] ?? (last?.variadic ? last : undefined);
}

/** commander keeps it, and offers no way to ask. */
const isHidden = (command: Command): boolean =>
  (command as unknown as { _hidden?: boolean })._hidden === true;

async function valuesOf(session: Session, of: Argument | Option, before: readonly string[]): Promise<Pair[]> {
  if (of.argChoices) return of.argChoices.map((choice) => [choice, ''] as const);
  const provider = completions.get(of);
  if (!provider) return [];
  const patience = new Promise<Candidate[]>((resolve) => setTimeout(resolve, PATIENCE_MS, []).unref());
  const found = await Promise.race([provider(session, before), patience]);
  return found.map((one) => (typeof one === 'string' ? ([one, ''] as const) : one));
}

const starting = (pairs: readonly Pair[], current: string): Pair[] => {
  const unique = new Map(pairs.filter(([value]) => value.startsWith(current)));
  return [...unique].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
};
