/** A batch: everything that one commit writes and relies on, as data. */
import type { Event, LogLine, NodeStatus, PlacementDecision, Revision, SettingChange } from '@gantry/model';
import type { Kind, Resource } from '../kinds.ts';

/** A value that only one owner may have in its space: a name, a MAC, an address. */
export interface Claim {
  space: string;
  value: string;
  owner: string;
}

export type NewEvent = Omit<Event, 'number'> & { project?: string };

/** The last thing heard of a node, kept without revision. */
export interface Seen {
  node: string;
  bootId: string;
  /** Earlier boots, newest first: their late reports are dropped. */
  formerBoots: string[];
  run: number;
  sequence: number;
  /** Wall clock of the controller, ms. */
  atMs: number;
  gauges: Pick<NodeStatus, 'storage' | 'memoryFreeMiB'>;
}

export interface IdempotencyRecord {
  token: string;
  key: string;
  /** SHA-256 of route and request, hex. */
  digest: string;
  atMs: number;
  /** What the request made; a repetition answers with it as it is then. */
  made: { kind: Kind; id: string };
  /** What the request removed, as it was: it cannot be read again. */
  removed?: Resource;
  /** What else the answer had, and cannot be read again. */
  beside?: { changes: SettingChange[]; operation?: string };
}

export interface Batch {
  /** Time of the change rows, ms. */
  atMs: number;
  puts: { object: Resource; expect: Revision | 'absent' }[];
  deletes: { kind: Kind; id: string; expect: Revision }[];
  /** Read and relied upon, not written. */
  unchanged: { kind: Kind; id: string; expect: Revision | 'absent' }[];
  take: Claim[];
  /** All claims of these owners, or only those of one space and value. */
  release: { owner: string; space?: string; value?: string }[];
  counters: { name: string; from: number; to: number }[];
  log: { operation: string; lines: LogLine[] }[];
  events: NewEvent[];
  idempotency?: IdempotencyRecord;
  secrets: { token: string; hash: Uint8Array }[];
  decision?: { operation: string; decision: PlacementDecision };
  /** Of a request that was refused; those that are asked for by its id are few and old ones go. */
  refusal?: { request: string; project?: string; decision: PlacementDecision };
  /** `after`: the numbers read, which must still be the newest. */
  seen?: { row: Seen; after: Pick<Seen, 'bootId' | 'run' | 'sequence'> | undefined };
}

/** Collects a batch. Objects put come back from the commit with their new revision. */
export class Draft {
  readonly batch: Batch;

  constructor(atMs: number) {
    this.batch = {
      atMs,
      puts: [],
      deletes: [],
      unchanged: [],
      take: [],
      release: [],
      counters: [],
      log: [],
      events: [],
      secrets: [],
    };
  }

  add(object: Resource): this {
    this.batch.puts.push({ object, expect: 'absent' });
    return this;
  }

  /** Replaces what was read (it carries the revision that is expected), also when this draft replaces it already. */
  put(object: Resource): this {
    const earlier = this.batch.puts.findIndex((put) => put.object.id === object.id);
    const expect = this.batch.puts[earlier]?.expect ?? object.revision;
    if (earlier >= 0) this.batch.puts.splice(earlier, 1);
    this.batch.puts.push({ object, expect });
    return this;
  }

  remove(object: Resource): this {
    this.batch.puts = this.batch.puts.filter((put) => put.object.id !== object.id);
    this.batch.deletes.push({ kind: object.kind, id: object.id, expect: object.revision });
    return this;
  }

  /** Decided on it: it must still be as it was read. */
  relyOn(...objects: (Resource | undefined)[]): this {
    for (const object of objects) {
      if (object) this.batch.unchanged.push({ kind: object.kind, id: object.id, expect: object.revision });
    }
    return this;
  }

  take(space: string, value: string, owner: string): this {
    this.batch.take.push({ space, value, owner });
    return this;
  }

  /** All that this owner holds. */
  release(owner: string): this {
    this.batch.release.push({ owner });
    return this;
  }

  /** The object as this draft leaves it, if it puts it. */
  current<R extends Resource>(object: R): R {
    return (this.batch.puts.find((put) => put.object.id === object.id)?.object as R | undefined) ?? object;
  }

  get empty(): boolean {
    const { puts, deletes, log, events, take, release } = this.batch;
    return [puts, deletes, log, events, take, release].every((part) => part.length === 0);
  }
}

/** Object with a new spec: the generation rises. */
export const withSpec = <R extends Resource>(object: R, spec: Partial<R['spec']>): R => ({
  ...object,
  generation: object.generation + 1,
  spec: { ...object.spec, ...spec },
});

export const withStatus = <R extends Resource>(object: R, status: Partial<R['status']>): R => ({
  ...object,
  status: { ...object.status, ...status },
});
