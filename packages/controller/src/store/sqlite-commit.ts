/** The writing half of the SQLite store: one batch inside one transaction. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Revision } from '@gantry/model';
import { metaOf, type Resource } from '../kinds.ts';
import type { Batch } from './batch.ts';
import { Conflict, type ConflictReason } from './conflict.ts';
import { formatRevision, parseRevision } from './revision.ts';
import { UsageBook } from './sqlite-usage.ts';
import type { Change } from './store.ts';

/** More log lines than this of one operation are dropped: a node must not fill the controller's disk. */
const LOG_LINES = 20_000;
/** Newest refusals that are kept; each holds a verdict about every node. */
const REFUSALS = 200;

const statements = {
  row: 'select revision, created, project, node, body from object where kind = ? and id = ?',
  insert: `insert into object (kind, id, name, project, node, owner, state, revision, created, body)
    values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  update: `update object set name = ?, project = ?, node = ?, owner = ?, state = ?, revision = ?, body = ?
    where kind = ? and id = ?`,
  delete: 'delete from object where kind = ? and id = ?',
  unlabel: 'delete from label where kind = ? and id = ?',
  label: 'insert into label (kind, key, value, name, id) values (?, ?, ?, ?, ?)',
  change:
    'insert into change (number, at, op, before_project, before_node, meta, body) values (?, ?, ?, ?, ?, ?, ?)',
  claimed: 'select owner from claim where space = ? and value = ?',
  take: 'insert into claim (space, value, owner) values (?, ?, ?)',
  releaseAll: 'delete from claim where owner = ?',
  release: 'delete from claim where owner = ? and space = ? and value = ?',
  counter: 'select value from counter where name = ?',
  setCounter:
    'insert into counter (name, value) values (?, ?) on conflict (name) do update set value = excluded.value',
  log: `insert into op_log (operation, at, level, text) select ?, ?, ?, ?
    where (select count(*) from op_log where operation = ?) < ${LOG_LINES}`,
  event: 'insert into event (at, type, subject, project, audit, body) values (?, ?, ?, ?, ?, ?)',
  idempotent: 'select 1 from idempotency where token = ? and key = ?',
  idempotency: 'insert into idempotency (token, key, at, body) values (?, ?, ?, ?)',
  secret: 'insert into secret (hash, token) values (?, ?)',
  forgetSecret: 'delete from secret where token = ?',
  decision: 'insert into decision (operation, body) values (?, ?)',
  refusal: 'insert into refusal (request, at, project, body) values (?, ?, ?, ?)',
  fewRefusals: `delete from refusal where number <= (select max(number) from refusal) - ${REFUSALS}`,
  seenRow: 'select boot, run, sequence from node_seen where node = ?',
  seen: `insert into node_seen (node, boot, run, sequence, body) values (?, ?, ?, ?, ?)
    on conflict (node) do update set boot = excluded.boot, run = excluded.run, sequence = excluded.sequence,
      body = excluded.body`,
  forgetLog: 'delete from op_log where operation = ?',
  forgetDecision: 'delete from decision where operation = ?',
  forgetSeen: 'delete from node_seen where node = ?',
} as const;

interface ObjectRow {
  revision: number;
  created: number;
  project: string | null;
  node: string | null;
  body: string;
}

export interface Written {
  changes: Change[];
  objects: Map<string, Resource>;
}

export class BatchWriter {
  readonly #sql: Record<keyof typeof statements, StatementSync>;
  readonly #incarnation: number;
  readonly #usage: UsageBook;

  constructor(db: DatabaseSync, incarnation: number) {
    this.#incarnation = incarnation;
    this.#usage = new UsageBook(db);
    const prepared = Object.entries(statements).map(([name, sql]) => [name, db.prepare(sql)]);
    this.#sql = Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>;
  }

  /**
   * Inside a transaction of the caller; `last` is the number of the newest change.
   * @throws Conflict; GantryError `quota_exceeded`
   */
  write(batch: Batch, last: number): Written {
    const written: Written = { changes: [], objects: new Map() };
    for (const { kind, id, expect } of batch.unchanged) this.#expect(kind, id, expect);
    this.#usage.begin();
    let number = last;
    for (const { object, expect } of batch.puts)
      this.#put(object, this.#expect(object.kind, object.id, expect), ++number, written);
    for (const { kind, id, expect } of batch.deletes)
      this.#delete(this.#expect(kind, id, expect) as ObjectRow, ++number, written);
    this.#writeClaims(batch);
    this.#usage.check();
    this.#writeCounters(batch);
    this.#writeRecords(batch);
    for (const change of written.changes) this.#logChange(change, batch.atMs);
    return written;
  }

  #expect(kind: string, id: string, expect: Revision | 'absent'): ObjectRow | undefined {
    const row = this.#sql.row.get(kind, id) as ObjectRow | undefined;
    const same =
      expect === 'absent'
        ? row === undefined
        : row !== undefined && formatRevision(this.#incarnation, row.revision) === this.#rebase(expect);
    if (!same) throw new Conflict({ what: 'revision', kind, id });
    return row;
  }

  /** Objects written under an earlier incarnation keep their number; readers see it under the present one. */
  #rebase(revision: Revision): Revision {
    return formatRevision(this.#incarnation, parseRevision(revision).number);
  }

  #put(object: Resource, row: ObjectRow | undefined, number: number, written: Written): void {
    const stored = { ...object, revision: formatRevision(this.#incarnation, number) };
    const meta = metaOf(stored);
    const columns = [
      meta.name,
      meta.project ?? null,
      meta.node ?? null,
      meta.owner ?? null,
      meta.state ?? null,
    ];
    const body = JSON.stringify(stored);
    if (row) this.#sql.update.run(...columns, number, body, meta.kind, meta.id);
    else this.#sql.insert.run(meta.kind, meta.id, ...columns, number, number, body);
    this.#label(stored, row !== undefined);
    this.#usage.put(stored);
    written.objects.set(object.id, stored);
    written.changes.push({ number, op: 'put', meta, object: stored, ...before(row) });
  }

  #label({ kind, id, name, labels = {} }: Resource, anew: boolean): void {
    if (anew) this.#sql.unlabel.run(kind, id);
    for (const [key, value] of Object.entries(labels)) this.#sql.label.run(kind, key, value, name, id);
  }

  #delete(row: ObjectRow, number: number, written: Written): void {
    const object = JSON.parse(row.body) as Resource;
    const meta = metaOf(object);
    this.#sql.delete.run(meta.kind, meta.id);
    this.#sql.unlabel.run(meta.kind, meta.id);
    this.#usage.remove(object);
    if (meta.kind === 'token') this.#sql.forgetSecret.run(meta.id);
    if (meta.kind === 'node') this.#sql.forgetSeen.run(meta.id);
    if (meta.kind === 'operation') {
      this.#sql.forgetLog.run(meta.id);
      this.#sql.forgetDecision.run(meta.id);
    }
    written.changes.push({ number, op: 'delete', meta, object, ...before(row) });
  }

  #writeClaims({ take, release }: Batch): void {
    for (const { owner, space, value } of release) {
      if (space !== undefined && value !== undefined) this.#sql.release.run(owner, space, value);
      else this.#sql.releaseAll.run(owner);
    }
    for (const { space, value, owner } of take) {
      const held = this.#sql.claimed.get(space, value) as { owner: string } | undefined;
      if (held) throw new Conflict({ what: 'claim', space, value, owner: held.owner });
      this.#sql.take.run(space, value, owner);
    }
  }

  #writeCounters({ counters }: Batch): void {
    for (const { name, from, to } of counters) {
      const row = this.#sql.counter.get(name) as { value: number } | undefined;
      if ((row?.value ?? 0) !== from) throw new Conflict({ what: 'counter', name });
      this.#sql.setCounter.run(name, to);
    }
  }

  #writeRecords(batch: Batch): void {
    const { idempotency, decision } = batch;
    if (idempotency) {
      const { token, key, atMs } = idempotency;
      if (this.#sql.idempotent.get(token, key)) throw new Conflict({ what: 'idempotency', key });
      this.#sql.idempotency.run(token, key, atMs, JSON.stringify(idempotency));
    }
    if (decision) this.#sql.decision.run(decision.operation, JSON.stringify(decision.decision));
    if (batch.refusal) this.#writeRefusal(batch.refusal, batch.atMs);
    for (const { token, hash } of batch.secrets) this.#sql.secret.run(hash, token);
    for (const { operation, lines } of batch.log)
      for (const { at, level, text } of lines) this.#sql.log.run(operation, at, level, text, operation);
    for (const { project, ...event } of batch.events)
      this.#sql.event.run(
        Date.parse(event.at),
        event.type,
        event.subject?.id ?? null,
        project ?? null,
        event.audit ? (event.actor ?? '') : null,
        JSON.stringify(event),
      );
    if (batch.seen) this.#writeSeen(batch.seen);
  }

  #writeRefusal({ request, project, decision }: NonNullable<Batch['refusal']>, atMs: number): void {
    this.#sql.refusal.run(request, atMs, project ?? null, JSON.stringify(decision));
    this.#sql.fewRefusals.run();
  }

  #writeSeen({ row, after }: NonNullable<Batch['seen']>): void {
    const newest = this.#sql.seenRow.get(row.node) as
      | { boot: string; run: number; sequence: number }
      | undefined;
    const same =
      newest?.boot === after?.bootId && newest?.run === after?.run && newest?.sequence === after?.sequence;
    if (!same) throw new Conflict({ what: 'seen', node: row.node } satisfies ConflictReason);
    this.#sql.seen.run(row.node, row.bootId, row.run, row.sequence, JSON.stringify(row));
  }

  #logChange({ number, op, meta, before: was, object }: Change, atMs: number): void {
    const body = JSON.stringify(object);
    this.#sql.change.run(
      number,
      atMs,
      op,
      was?.project ?? null,
      was?.node ?? null,
      JSON.stringify(meta),
      body,
    );
  }
}

const before = (row: ObjectRow | undefined): Pick<Change, 'before'> | object =>
  row
    ? {
        before: { ...(row.project ? { project: row.project } : {}), ...(row.node ? { node: row.node } : {}) },
      }
    : {};
