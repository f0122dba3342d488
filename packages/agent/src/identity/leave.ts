/** `gantry agent leave --state DIR [--pki DIR]`: takes away networks and certificates of a node that was removed. Its files are removed by others. */
import { join } from 'node:path';
import { systemEnv } from '../host/clock.ts';
import { fileJournal } from '../host/journal.ts';
import { nodeNetwork } from '../network/network.ts';
import { withFileLock } from '../process/file-lock.ts';
import { IdentityFiles } from './identity-files.ts';
import { removePki } from './pki-layout.ts';

/** May be repeated. The agent must not run: it would make them anew. */
export async function leave(state: string, pki: string, signal: AbortSignal): Promise<void> {
  const env = systemEnv();
  const work = async () => {
    const identity = await new IdentityFiles(state).current();
    if (identity) await removePki(pki, identity);
    const { assignments } =
      (await fileJournal({ path: join(state, 'agent', 'journal.json'), env }).read()) ?? {};
    if (!assignments) return;
    const { cluster, attachments } = assignments;
    const network = nodeNetwork({
      dir: join(state, 'agent', 'network'),
      cluster: () => cluster,
      clock: env.clock,
      reaches: () => Promise.resolve(false),
    });
    for (const { spec } of attachments) await network.remove(spec);
  };
  await withFileLock(join(state, 'agent', 'lock'), work, { signal, onWait: () => undefined });
}
