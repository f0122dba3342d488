/**
 * `gantry agent leave --state DIR [--pki DIR] [--libvirt SOCKET] [--guests none|down|any]`: takes guests, networks and certificates of a
 * node away that leaves its cluster. The agent's files are removed by others.
 */
import { join } from 'node:path';
import type { AttachmentSpec, LeaveWith } from '@gantry/model';
import type { Host } from '../env.ts';
import { systemEnv } from '../host/clock.ts';
import { fileJournal } from '../host/journal.ts';
import { nodeNetwork } from '../network/network.ts';
import { withFileLock } from '../process/file-lock.ts';
import { clearNode } from './clear-node.ts';
import { IdentityFiles } from './identity-files.ts';
import { removePki } from './pki-layout.ts';

export interface LeaveOptions {
  state: string;
  pki: string;
  guests: LeaveWith;
  /** The node as it is, for domains and disks of this cluster. */
  host(cluster: string): Pick<Host, 'observe' | 'perform'>;
}

/** May be repeated. The agent must not run: it would make them anew. @throws GantryError as `clearNode` */
export async function leave(options: LeaveOptions, signal: AbortSignal): Promise<void> {
  const { state, pki } = options;
  const env = systemEnv();
  const work = async () => {
    const identity = await new IdentityFiles(state).current();
    const { assignments } =
      (await fileJournal({ path: join(state, 'agent', 'journal.json'), env }).read()) ?? {};
    const cluster = assignments?.cluster ?? identity?.cluster;
    if (cluster) await takeOff(options, { cluster, attachments: assignments?.attachments ?? [] }, signal);
    if (identity) await removePki(pki, identity);
  };
  await withFileLock(join(state, 'agent', 'lock'), work, { signal, onWait: () => undefined });
}

interface Belongings {
  cluster: string;
  attachments: readonly { spec: AttachmentSpec }[];
}

/** What uses a thing goes before it. */
async function takeOff(
  { state, guests, host }: LeaveOptions,
  { cluster, attachments }: Belongings,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log } = systemEnv();
  const seen = await clearNode({ host: host(cluster), log, cluster }, guests, signal);
  const network = nodeNetwork({
    dir: join(state, 'agent', 'network'),
    cluster: () => cluster,
    clock,
    reaches: () => Promise.resolve(false),
  });
  const told = new Set<string>(attachments.map(({ spec }) => spec.network));
  for (const { spec } of attachments) await network.remove(spec);
  for (const one of seen.networks)
    if (!told.has(one.network)) await network.remove(one.spec ?? { network: one.network as never });
}
