/** The default store: SQLite inside the controller process (node:sqlite, which is synchronous: pages bound each read). */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type Epoch,
  type Event,
  err,
  noUsage,
  type PlacementDecision,
  type Revision,
  type Usage,
} from '@gantry/model';
import type { Kind, Kinds, Resource } from '../kinds.ts';
import type { Batch, Claim, IdempotencyRecord, Seen } from './batch.ts';
import { ChangeTail } from './change-tail.ts';
import { eventsSql } from './event-query.ts';
import { type ListedRow, listSql, pageOf, textOf } from './list-query.ts';
import { formatRevision } from './revision.ts';
import { BatchWriter } from './sqlite-commit.ts';
import { type OpenDatabase, openDatabase, unusable } from './sqlite-open.ts';
import { USAGE_SQL } from './sqlite-usage.ts';
import type {
  Change,
  Committed,
  EventFilter,
  Filter,
  Listed,
  Notice,
  Page,
  Store,
  StoredLine,
  StoredText,
} from './store.ts';

interface ChangeRow {
  number: number;
  op: 'put' | 'delete';
  before_project: string | null;
  before_node: string | null;
  meta: string;
  body: string;
}

export class SqliteStore implements Store {
  readonly incarnation: number;
  readonly term: Epoch;
  readonly #db: DatabaseSync;
  readonly #opened: OpenDatabase;
  readonly #writer: BatchWriter;
  readonly #tail = new ChangeTail();
  readonly #statements = new Map<string, StatementSync>();
  #last: number;
  #compacted: number;

  /** @param path of the database file, or `:memory:`. @throws GantryError `store_locked`, `store_unusable` */
  constructor(path: string) {
    this.#opened = openDatabase(path);
    this.#db = this.#opened.db;
    this.incarnation = this.#meta('incarnation') ?? 1;
    this.term = { incarnation: this.incarnation, number: (this.#meta('term') ?? 0) + 1 };
    this.#setMeta({ incarnation: this.incarnation, term: this.term.number });
    this.#writer = new BatchWriter(this.#db, this.incarnation);
    const { last } = this.#row<{ last: number | null }>('select max(number) as last from change') ?? {};
    this.#compacted = this.#meta('compacted') ?? 0;
    this.#last = last ?? this.#compacted;
  }

  async get<K extends Kind>(kind: K, id: string): Promise<Kinds[K] | undefined> {
    return this.#object('select body from object where kind = ? and id = ?', kind, id) as
      | Kinds[K]
      | undefined;
  }

  async named<K extends Kind>(kind: K, name: string): Promise<Kinds[K][]> {
    const sql = 'select body from object where kind = ? and name = ? order by id limit 1000';
    return this.#rows<{ body: string }>(sql, kind, name).map(({ body }) => JSON.parse(body) as Kinds[K]);
  }

  async list<K extends Kind>(kind: K, filter: Filter = {}, page: Page = {}): Promise<Listed<Kinds[K]>> {
    const { rows, ...listed } = this.#page(kind, filter, page);
    const items = rows.map(({ body }) => JSON.parse(body) as Kinds[K]);
    return { items, ...listed, revision: await this.revision() };
  }

  async listTexts(kind: Kind, filter: Filter = {}, page: Page = {}): Promise<Listed<StoredText>> {
    const { rows, ...listed } = this.#page(kind, filter, page);
    return { items: rows.map((row) => textOf(kind, row)), ...listed, revision: await this.revision() };
  }

  #page(kind: Kind, filter: Filter, page: Page) {
    const { sql, values, limit } = listSql(kind, filter, page);
    return pageOf(this.#rows<ListedRow>(sql, ...values), limit, page);
  }

  async counter(name: string): Promise<number> {
    return this.#row<{ value: number }>('select value from counter where name = ?', name)?.value ?? 0;
  }

  async claims(space: string): Promise<Claim[]> {
    return this.#rows<Claim>('select space, value, owner from claim where space = ?', space);
  }

  async claimant(space: string, value: string): Promise<string | undefined> {
    const sql = 'select owner from claim where space = ? and value = ?';
    return this.#row<{ owner: string }>(sql, space, value)?.owner;
  }

  async firstUnclaimed(space: string, values: readonly string[]): Promise<string | undefined> {
    const sql = `select value from json_each(?) as wanted where not exists
      (select 1 from claim where space = ? and claim.value = wanted.value) order by key limit 1`;
    return this.#row<{ value: string }>(sql, JSON.stringify(values), space)?.value;
  }

  async decision(operation: string): Promise<PlacementDecision | undefined> {
    return this.#object('select body from decision where operation = ?', operation) as
      | PlacementDecision
      | undefined;
  }

  async refusal(request: string): Promise<{ project?: string; decision: PlacementDecision } | undefined> {
    const sql = 'select project, body from refusal where request = ?';
    const [row] = this.#rows<{ project: string | null; body: string }>(sql, request);
    if (!row) return undefined;
    const decision = JSON.parse(row.body) as PlacementDecision;
    return { decision, ...(row.project === null ? {} : { project: row.project }) };
  }

  async log(operation: string, after = 0): Promise<StoredLine[]> {
    const sql =
      'select number, at, level, text from op_log where operation = ? and number > ? order by number limit 5000';
    return this.#rows<StoredLine>(sql, operation, after).map((line) => ({ ...line }));
  }

  async events(filter: EventFilter, limit: number, before?: number): Promise<Event[]> {
    const { sql, values } = eventsSql(filter, before);
    const rows = this.#rows<{ number: number; body: string }>(sql, ...values, limit);
    return rows.map(({ number, body }) => ({ number, ...(JSON.parse(body) as Omit<Event, 'number'>) }));
  }

  async idempotent(token: string, key: string): Promise<IdempotencyRecord | undefined> {
    return this.#object('select body from idempotency where token = ? and key = ?', token, key) as
      | IdempotencyRecord
      | undefined;
  }

  async secret(hash: Uint8Array): Promise<{ token: string; hash: Uint8Array } | undefined> {
    return this.#row('select token, hash from secret where hash = ?', hash);
  }

  async seen(node: string): Promise<Seen | undefined> {
    return this.#object('select body from node_seen where node = ?', node) as Seen | undefined;
  }

  async heard(): Promise<Pick<Seen, 'node' | 'bootId' | 'run' | 'sequence'>[]> {
    return this.#rows('select node, boot as bootId, run, sequence from node_seen');
  }

  async commit(batch: Batch): Promise<Committed> {
    const { changes, objects } = this.#transaction(() => this.#writer.write(batch, this.#last));
    this.#last = changes.at(-1)?.number ?? this.#last;
    this.#tail.append({ changes, logged: batch.log.map(({ operation }) => operation) });
    return { revision: formatRevision(this.incarnation, this.#last), objects };
  }

  async rehearse(batch: Batch): Promise<void> {
    try {
      this.#transaction(() => {
        this.#writer.write(batch, this.#last);
        throw rehearsed;
      });
    } catch (error) {
      if (error !== rehearsed) throw error;
    }
  }

  async usage(project: string): Promise<Usage> {
    return { ...noUsage, ...this.#row<Usage>(USAGE_SQL, project) };
  }

  async revision(): Promise<Revision> {
    return formatRevision(this.incarnation, this.#last);
  }

  async changesAfter(number: number, limit: number): Promise<readonly Change[]> {
    if (number < this.#compacted || number > this.#last)
      throw err('revision_compacted', { revision: formatRevision(this.incarnation, number) });
    const kept = this.#tail.after(number, limit);
    if (kept) return kept;
    const sql = 'select * from change where number > ? order by number limit ?';
    return this.#rows<ChangeRow>(sql, number, limit).map(toChange);
  }

  subscribe(onNotice: (notice: Notice) => void): () => void {
    return this.#tail.subscribe(onNotice);
  }

  async compact(beforeMs: number, keepRows: number): Promise<number> {
    const sql = 'select max(number) as edge from change where at < ? or number <= ?';
    const { edge } = this.#row<{ edge: number | null }>(sql, beforeMs, this.#last - keepRows) ?? {};
    if (!edge || edge <= this.#compacted) return 0;
    const removed = this.#transaction(() => {
      this.#setMeta({ compacted: edge });
      return Number(this.#db.prepare('delete from change where number <= ?').run(edge).changes);
    });
    this.#compacted = edge;
    this.#tail.forgetUntil(edge);
    return removed;
  }

  async expire(before: { idempotencyMs?: number; eventsMs?: number; auditMs?: number }): Promise<number> {
    return this.#transaction(() => {
      const remove = (sql: string, ms = 0) => Number(this.#db.prepare(sql).run(ms).changes);
      return (
        remove('delete from idempotency where at < ?', before.idempotencyMs) +
        remove('delete from refusal where at < ?', before.idempotencyMs) +
        remove('delete from event where at < ? and audit is null', before.eventsMs) +
        remove('delete from event where at < ? and audit is not null', before.auditMs)
      );
    });
  }

  async close(): Promise<void> {
    this.#tail.close();
    this.#opened.close();
  }

  /** A copy of the store must not continue its numbers: it becomes a new incarnation. Takes effect at the next opening. */
  async beginNewIncarnation(atLeast = 0): Promise<void> {
    this.#transaction(() => {
      this.#setMeta({ incarnation: Math.max(this.incarnation + 1, atLeast), term: 0 });
      this.#db.exec('delete from node_seen'); // nobody has been heard of in it
    });
  }

  #transaction<T>(work: () => T): T {
    try {
      this.#db.exec('begin immediate');
      const result = work();
      this.#db.exec('commit');
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('rollback');
      throw unusable(error);
    }
  }

  #rows<T>(sql: string, ...values: (string | number | null | Uint8Array)[]): T[] {
    return this.#statement(sql).all(...values) as T[];
  }

  #row<T>(sql: string, ...values: (string | number | null | Uint8Array)[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined;
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #object(sql: string, ...values: (string | null)[]): unknown {
    const row = this.#row<{ body: string }>(sql, ...values);
    return row && (JSON.parse(row.body) as Resource);
  }

  #meta(key: string): number | undefined {
    const row = this.#row<{ value: string }>('select value from meta where key = ?', key);
    return row && Number(row.value);
  }

  #setMeta(values: Record<string, number>): void {
    const sql =
      'insert into meta (key, value) values (?, ?) on conflict (key) do update set value = excluded.value';
    for (const [key, value] of Object.entries(values)) this.#db.prepare(sql).run(key, String(value));
  }
}

/** Takes the transaction back. */
const rehearsed = new Error('rehearsed');

const toChange = (row: ChangeRow): Change => ({
  number: row.number,
  op: row.op,
  meta: JSON.parse(row.meta),
  object: JSON.parse(row.body),
  before: {
    ...(row.before_project ? { project: row.before_project } : {}),
    ...(row.before_node ? { node: row.before_node } : {}),
  },
});
