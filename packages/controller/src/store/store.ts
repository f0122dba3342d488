/**
 * The store: objects with revisions, and a log of their changes that can be watched.
 *
 * Reads are single statements, writes are whole batches of data (batch.ts), all or nothing: there are no interactive
 * transactions, so that SQLite, PostgreSQL and the simulator behave alike. Who decides on what he read names it in the
 * batch (`expect`, `unchanged`, counters); if that has changed meanwhile, nothing is written and the commit throws a
 * Conflict: read again and decide again (retrying.ts).
 *
 * Revisions are numbers given to changes in the order of their commits. The change log holds transitions of objects
 * only; heartbeats, log lines and events lie in tables without revision.
 */
import type { Epoch, Event, LogLine, PlacementDecision, Revision, Usage } from '@gantry/model';
import type { Kind, Kinds, Meta, Resource } from '../kinds.ts';
import type { Batch, Claim, IdempotencyRecord, Seen } from './batch.ts';

export interface Filter {
  /** Project id; `null`: objects of no project. */
  project?: string | null;
  /** In one of these projects. */
  projects?: readonly string[];
  node?: string;
  owner?: string;
  states?: readonly string[];
  labels?: Readonly<Record<string, string>>;
}

export interface Page {
  /** Default: all of them. */
  limit?: number;
  /** `next` of the page before. */
  cursor?: string;
  /** By name (default), newest or oldest first. */
  order?: 'name' | 'newest' | 'oldest';
}

export interface Listed<T> {
  items: T[];
  /** The list was read at this revision: watch from here. */
  revision: Revision;
  next?: string;
}

/** An object as it is stored. */
export interface StoredText {
  meta: Omit<Meta, 'state'>;
  json: string;
}

export interface Committed {
  revision: Revision;
  /** What was put, as stored. */
  objects: ReadonlyMap<string, Resource>;
}

/** One row of the change log. */
export interface Change {
  number: number;
  op: 'put' | 'delete';
  meta: Meta;
  /** Where it was before: to tell watchers that it left their filter. */
  before?: { project?: string; node?: string };
  /** As put, or as last seen before the delete. Shared: never to be modified. */
  object: Resource;
}

export interface StoredLine extends LogLine {
  number: number;
}

export interface EventFilter {
  subject?: string;
  type?: string;
  /** Project ids: only events of these projects. */
  projects?: readonly string[];
  /** Only what users asked for, in general or by the name of one. */
  audit?: true | string;
  /** Refused or failed, or neither. */
  refused?: boolean;
  /** Without what users asked for that is of no project: users, tokens, settings. */
  ofProjects?: boolean;
  sinceMs?: number;
  untilMs?: number;
}

/** What just happened, told to subscribers after the commit. */
export interface Notice {
  changes: readonly Change[];
  /** Operations that got log lines. */
  logged: readonly string[];
}

export interface Store {
  readonly incarnation: number;
  /** Rises with every opening for writing. */
  readonly term: Epoch;

  get<K extends Kind>(kind: K, id: string): Promise<Kinds[K] | undefined>;
  /** All of that name: one per project at most, and one of no project. */
  named<K extends Kind>(kind: K, name: string): Promise<Kinds[K][]>;
  list<K extends Kind>(kind: K, filter?: Filter, page?: Page): Promise<Listed<Kinds[K]>>;
  /** The same as JSON, without reading it: for lists of thousands. */
  listTexts(kind: Kind, filter?: Filter, page?: Page): Promise<Listed<StoredText>>;
  /** Last value of a sequence, 0 at first. */
  counter(name: string): Promise<number>;
  claims(space: string): Promise<Claim[]>;
  /** Who has one. By the index, however many there are. */
  claimant(space: string, value: string): Promise<string | undefined>;
  /** The first of these that nobody has; undefined: all are taken. By the index. */
  firstUnclaimed(space: string, values: readonly string[]): Promise<string | undefined>;
  decision(operation: string): Promise<PlacementDecision | undefined>;
  /** Of a request that was refused, and whose it was. */
  refusal(request: string): Promise<{ project?: string; decision: PlacementDecision } | undefined>;
  log(operation: string, after?: number): Promise<StoredLine[]>;
  events(filter: EventFilter, limit: number, before?: number): Promise<Event[]>;
  idempotent(token: string, key: string): Promise<IdempotencyRecord | undefined>;
  /** Id of the token whose secret has this SHA-256, and the hash as stored. */
  secret(hash: Uint8Array): Promise<{ token: string; hash: Uint8Array } | undefined>;
  seen(node: string): Promise<Seen | undefined>;
  /** Which report of each node is the last one: to know whether `seen` is another one by now. */
  heard(): Promise<Pick<Seen, 'node' | 'bootId' | 'run' | 'sequence'>[]>;

  /**
   * All or nothing; durable when it resolves.
   * @throws Conflict when something was not as expected; GantryError `quota_exceeded` when a project would have more than
   * it may, `store_unusable` when it cannot be written
   */
  commit(batch: Batch): Promise<Committed>;
  /** Writes nothing. @throws whatever `commit` would throw now */
  rehearse(batch: Batch): Promise<void>;
  /** What a project has, all in all. */
  usage(project: string): Promise<Usage>;

  revision(): Promise<Revision>;
  /**
   * Changes after a number, oldest first, at most `limit`.
   * @throws GantryError `revision_compacted`
   */
  changesAfter(number: number, limit: number): Promise<readonly Change[]>;
  /** Calls back after every commit, in order, until unsubscribed. A wake-up: what counts is read from the store. */
  subscribe(onNotice: (notice: Notice) => void): () => void;

  /** Forgets changes made before a time, and the oldest beyond a number of rows. Returns how many. */
  compact(beforeMs: number, keepRows: number): Promise<number>;
  /** Forgets idempotency records with refusals, events, and what users asked for, made before these times. Returns how many. */
  expire(before: { idempotencyMs?: number; eventsMs?: number; auditMs?: number }): Promise<number>;
  close(): Promise<void>;
}
