/** `gantry server init --state DIR`: makes the store of a new cluster. Options come as JSON on stdin, tokens go to stdout. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { type ClusterOptions, initCluster } from './bootstrap.ts';
import { storePath } from './server.ts';
import { SqliteStore } from './store/sqlite-store.ts';
import { systemEnv } from './system-env.ts';

/**
 * Run as the user who will own the store. The tokens are kept nowhere else: who loses the answer starts again elsewhere.
 * @throws GantryError `name_taken` where there is a cluster already
 */
export async function init(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { state: { type: 'string' } } });
  const state = values.state ?? '';
  const options = JSON.parse(await text(process.stdin)) as ClusterOptions;
  await mkdir(join(state, 'controller'), { recursive: true, mode: 0o750 });
  const store = new SqliteStore(storePath(state));
  try {
    process.stdout.write(`${JSON.stringify(await initCluster(store, systemEnv(), options))}\n`);
  } finally {
    await store.close();
  }
}
