/**
 * The cluster as placement sees it, kept in memory and brought up to the newest commit before each use by the store's
 * changes. It holds no truth: where the changes it needs are compacted, or too many, everything is read anew.
 */
import { GantryError } from '@gantry/model';
import type { Kind, Kinds } from '../kinds.ts';
import type { Seen } from '../store/batch.ts';
import { parseRevision } from '../store/revision.ts';
import type { Change, Store } from '../store/store.ts';
import { Turns } from '../turns.ts';
import { type NodeLoad, NodeLoads } from './node-loads.ts';
import { recordOf } from './records.ts';

/** Behind by more, reading everything anew is less work. */
const TOO_MANY = 20_000;
const PAGE = 1000;
const kinds = ['group', 'node', 'guest', 'replica', 'instance'] as const satisfies Kind[];

/** To be used at once, and not kept: it changes with the next use. */
export interface ClusterView {
  readonly nodes: ReadonlyMap<string, Kinds['node']>;
  readonly groups: ReadonlyMap<string, Kinds['group']>;
  load(node: string): NodeLoad;
  /** What the node said last of its free space. */
  gauges(node: string): Seen['gauges'] | undefined;
}

export class Mirror {
  readonly #store: Store;
  readonly #turns = new Turns();
  /** Number of the last change that is in here; undefined: nothing was read yet. */
  #upTo: number | undefined;
  readonly #nodes = new Map<string, Kinds['node']>();
  readonly #groups = new Map<string, Kinds['group']>();
  readonly #loads = new NodeLoads();
  readonly #gauges = new Map<string, { heard: string; gauges: Seen['gauges'] }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Calls `use` with everything committed until now. */
  read<T>(use: (view: ClusterView) => T): Promise<T> {
    return this.#turns.take(async () => {
      await this.#catchUp();
      // after the objects: free space that is older than what disks have grown since would count that twice
      await this.#readGauges();
      return use({
        nodes: this.#nodes,
        groups: this.#groups,
        load: (node) => this.#loads.of(node),
        gauges: (node) => this.#gauges.get(node)?.gauges,
      });
    });
  }

  async #catchUp(): Promise<void> {
    const { number } = parseRevision(await this.#store.revision());
    if (this.#upTo === undefined || number - this.#upTo > TOO_MANY) await this.#readAll();
    try {
      await this.#follow();
    } catch (error) {
      if (!(error instanceof GantryError) || error.code !== 'revision_compacted') throw error;
      await this.#readAll();
      await this.#follow();
    }
  }

  async #follow(): Promise<void> {
    for (;;) {
      const changes = await this.#store.changesAfter(this.#upTo ?? 0, PAGE);
      for (const change of changes) this.#apply(change);
      if (changes.length < PAGE) return;
    }
  }

  #apply({ number, op, object }: Change): void {
    this.#put(object, op === 'put');
    this.#upTo = number;
  }

  #put(object: Change['object'], there: boolean): void {
    if (object.kind === 'node') set(this.#nodes, object, there);
    else if (object.kind === 'group') set(this.#groups, object, there);
    else this.#loads.set(object.id, there ? recordOf(object) : undefined);
  }

  /** What changes while it reads is put right by the changes after the revision at which it began. */
  async #readAll(): Promise<void> {
    const { number } = parseRevision(await this.#store.revision());
    this.#upTo = undefined;
    for (const part of [this.#nodes, this.#groups, this.#loads]) part.clear();
    for (const kind of kinds) {
      let cursor: string | undefined;
      do {
        const page = await this.#store.list(kind, {}, { limit: PAGE, ...(cursor ? { cursor } : {}) });
        for (const object of page.items) this.#put(object, true);
        cursor = page.next;
      } while (cursor !== undefined);
    }
    this.#upTo = number;
  }

  async #readGauges(): Promise<void> {
    for (const { node, bootId, run, sequence } of await this.#store.heard()) {
      const heard = `${bootId} ${run} ${sequence}`;
      if (this.#gauges.get(node)?.heard === heard) continue;
      const { gauges } = (await this.#store.seen(node)) ?? {};
      if (gauges) this.#gauges.set(node, { heard, gauges });
    }
    for (const node of this.#gauges.keys()) if (!this.#nodes.has(node)) this.#gauges.delete(node);
  }
}

function set<T extends { id: string }>(all: Map<string, T>, object: T, there: boolean): void {
  if (there) all.set(object.id, object);
  else all.delete(object.id);
}
