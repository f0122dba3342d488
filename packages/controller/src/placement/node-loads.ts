/** What is taken of each node: sums that follow every change of an object, instead of being added up for each question. */
import type { Bound } from '@gantry/guest';
import type { Record, Resident } from './records.ts';

export interface NodeLoad {
  /** Guests with QEMU’s own. */
  readonly memoryMiB: number;
  /** Of that, of guests that are stopped. */
  readonly memoryDownMiB: number;
  readonly vcpus: number;
  /** By storage: what disks may still grow. */
  readonly growsBytes: ReadonlyMap<string, number>;
  /** Guest id -> what it has of the hardware. */
  readonly guests: ReadonlyMap<string, Bound>;
  readonly residents: ReadonlyMap<string, Resident>;
}

class Load implements NodeLoad {
  memoryMiB = 0;
  memoryDownMiB = 0;
  vcpus = 0;
  readonly growsBytes = new Map<string, number>();
  readonly guests = new Map<string, Bound>();
  readonly residents = new Map<string, Resident>();
}

const nothing: NodeLoad = new Load();

export class NodeLoads {
  readonly #records = new Map<string, Record>();
  readonly #loads = new Map<string, Load>();

  of(node: string): NodeLoad {
    return this.#loads.get(node) ?? nothing;
  }

  /** The object as it is now; undefined: it takes nothing, or is gone. */
  set(id: string, record: Record | undefined): void {
    const before = this.#records.get(id);
    if (before) this.#leave(before);
    if (record) this.#enter(record);
    else this.#records.delete(id);
  }

  clear(): void {
    this.#records.clear();
    this.#loads.clear();
  }

  #enter(record: Record): void {
    this.#records.set(record.id, record);
    const load = this.#loads.get(record.node) ?? new Load();
    this.#loads.set(record.node, load);
    add(load, record, 1);
    if (record.kind === 'guest') load.guests.set(record.id, record.bound);
    if (record.kind === 'instance') load.residents.set(record.id, record.resident);
  }

  #leave(record: Record): void {
    const load = this.#loads.get(record.node);
    if (!load) return;
    add(load, record, -1);
    load.guests.delete(record.id);
    load.residents.delete(record.id);
  }
}

function add(load: Load, record: Record, sign: 1 | -1): void {
  if (record.kind === 'guest') {
    load.memoryMiB += sign * record.memoryMiB;
    if (record.down) load.memoryDownMiB += sign * record.memoryMiB;
    load.vcpus += sign * record.vcpus;
  }
  if (record.kind === 'replica') {
    const before = load.growsBytes.get(record.storage) ?? 0;
    load.growsBytes.set(record.storage, before + sign * record.growsBytes);
  }
}
