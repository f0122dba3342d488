/** All that instances of a cluster consist of, wherever it is kept, to be compared before and after. */
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Cluster } from './cluster.ts';

export interface Inventory {
  /** Names of libvirt's domains, running or not. */
  readonly domains: string[];
  readonly taps: string[];
  /** Taps with a chain of nftables. */
  readonly filters: string[];
  /** Disks, bases, files of guests, leases. */
  readonly files: string[];
  /** `kind name` of whatever the store holds, without the record of what was done. A network stays attached once it was, a base in its cache. */
  readonly objects: string[];
  /** `space value` of unique things. */
  readonly claims: string[];
  readonly processes: number;
}

export async function inventory(cluster: Cluster): Promise<Inventory> {
  const [domains, links, chains, files, qemus] = await Promise.all([
    cluster.exec('virsh', '--quiet', 'list', '--all', '--name'),
    cluster.exec('ip', '-oneline', 'link', 'show'),
    cluster.exec('nft', 'list', 'chains', 'bridge'),
    filesOf(cluster),
    cluster.processes('qemu'),
  ]);
  return {
    domains: domains.split('\n').filter((name) => name.trim() !== ''),
    taps: [...links.matchAll(/^\d+: (gt[0-9a-f]{10}n\d+|vnet\d+|tap[^:]*):/gm)].map(([, name]) => name ?? ''),
    filters: [...chains.matchAll(/chain (gt\S+)/g)].map(([, name]) => name ?? ''),
    files,
    ...stored(join(cluster.state, 'controller', 'store.db')),
    processes: qemus.length,
  };
}

/** Bases stay in the cache of the node. */
async function filesOf({ state }: Cluster): Promise<string[]> {
  const agent = join(state, 'agent');
  const found = await readdir(agent, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() || entry.isSocket() || entry.parentPath.endsWith('/guests'))
    .map((entry) => relative(agent, join(entry.parentPath, entry.name)))
    .filter((path) => /^guests\/|\/disks\/|\/bases\/.*partial/.test(path))
    .sort();
}

function stored(path: string): Pick<Inventory, 'objects' | 'claims'> {
  const store = new DatabaseSync(path, { readOnly: true });
  try {
    const objects = store.prepare(`
      select kind || ' ' || name as line from object
      where kind not in ('operation', 'attachment') and not (kind = 'replica' and name like 'base %') order by line`);
    const claims = store.prepare("select space || ' ' || value as line from claim order by line");
    const lines = (statement: typeof objects) => statement.all().map((row) => String(row['line']));
    return { objects: lines(objects), claims: lines(claims) };
  } finally {
    store.close();
  }
}
