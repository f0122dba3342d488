/** What this node was told to have, one directory per network: kept so that it is found again, and removed, after any crash. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AttachmentSpec, isUuid, matches } from '@gantry/model';
import { replaceFile, writeDurably } from '../host/durable.ts';
import { syncPath } from '../storage/durable.ts';

export interface NetworkRecord {
  spec: AttachmentSpec;
  /** `leasesText` of what was last put into service; written after that. */
  leases: string;
  /** Wiring of mode `uplink` that has not been seen to leave the way to the controller open, and what it replaced. */
  trial?: { fallback?: AttachmentSpec };
}

export interface Records {
  /** By network. Read from disk once; this process is the only writer. */
  all(): Promise<ReadonlyMap<string, NetworkRecord>>;
  /** Made by `put`, gone with `remove`. */
  directory(network: string): string;
  /** Its first one is durable: it is what a directory left over from before a power cut is known by. */
  put(record: NetworkRecord): Promise<void>;
  remove(network: string): Promise<void>;
}

const FILE = 'network.json';

/** @param root DIR/agent/network; made when missing. Readable by all: dnsmasq reads there as nobody. */
export function networkRecords(root: string): Records {
  let known: Promise<Map<string, NetworkRecord>> | undefined;
  const load = (): Promise<Map<string, NetworkRecord>> => {
    known ??= readAll(root).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
  const directory = (network: string): string => join(root, network);
  return {
    all: load,
    directory,
    async put(record) {
      const dir = directory(record.spec.network);
      const records = await load();
      const before = records.get(record.spec.network);
      if (JSON.stringify(before) === JSON.stringify(record)) return;
      const text = `${JSON.stringify(record)}\n`;
      if (before) await replaceFile(join(dir, FILE), text, 0o644);
      else {
        await mkdir(dir, { recursive: true, mode: 0o755 });
        await writeDurably(join(dir, FILE), text, 0o644);
        await syncPath(root);
      }
      records.set(record.spec.network, record);
    },
    async remove(network) {
      await rm(directory(network), { recursive: true, force: true });
      (await load()).delete(network);
    },
  };
}

async function readAll(root: string): Promise<Map<string, NetworkRecord>> {
  await mkdir(root, { recursive: true, mode: 0o755 });
  const ids = (await readdir(root)).filter(isUuid);
  const records = await Promise.all(ids.map((id) => readRecord(join(root, id, FILE), id)));
  return new Map(records.flatMap((record) => (record ? [[record.spec.network as string, record]] : [])));
}

/** A record that cannot be read is as none: the bridge is found by its alias, and the next ensure writes it anew. */
async function readRecord(path: string, id: string): Promise<NetworkRecord | undefined> {
  try {
    const { spec, leases, trial } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    if (!matches(AttachmentSpec, spec) || spec.network !== id || typeof leases !== 'string') return undefined;
    return { spec, leases, ...(trial === undefined ? {} : { trial: trialOf(trial) }) };
  } catch {
    return undefined;
  }
}

const trialOf = (trial: unknown): NonNullable<NetworkRecord['trial']> => {
  const { fallback } = (trial ?? {}) as Record<string, unknown>;
  return matches(AttachmentSpec, fallback) ? { fallback } : {};
};
