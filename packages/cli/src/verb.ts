/** What a command is: data that commander, completion, help and the tests read. */
import type { Given } from './given.ts';
import type { Session } from './session.ts';

/** Candidates for one word, each with an optional description. */
export type Candidate = string | readonly [value: string, description: string];
/** Names that come from the API, or from elsewhere; `before` are the words in front of the one that is completed. */
export type Complete = (session: Session, before: readonly string[]) => Promise<Candidate[]> | Candidate[];

export interface Argument {
  /** As shown in the usage: `NAME`, `[NAME]`, `NAME...`. */
  name: string;
  description: string;
  complete?: Complete;
}

export interface Flag {
  /** As commander reads it: `-f, --force`, `--memory <size>`, `--nic <nic>`. */
  flags: string;
  description: string;
  /** May be repeated; each time adds. */
  many?: boolean;
  choices?: readonly string[];
  complete?: Complete;
  /** Refuse the command without it. */
  required?: boolean;
}

export interface Verb {
  /** Noun and verb, or one word. */
  words: string;
  /** A shorter way to write it. */
  shortcut?: string;
  /** Another word for the verb, for who looks for it under that. */
  alias?: string;
  summary: string;
  /** Further paragraphs of the help text. */
  details?: string;
  arguments?: readonly Argument[];
  flags?: readonly Flag[];
  examples: readonly [string, ...string[]];
  /** Not shown in help and completion. */
  hidden?: boolean;
  /** Everything after the words goes to `run` as it is. */
  raw?: boolean;
  run(session: Session, given: Given): Promise<void>;
}
