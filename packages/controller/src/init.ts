/** `gantry server init --state DIR`: makes the store of a new cluster. Options come as JSON on stdin, tokens go to stdout. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  Boot,
  ClusterSpec,
  err,
  ImageName,
  Name,
  NetworkSpec,
  OsSource,
  optional,
  strict,
  validate,
} from '@gantry/model';
import { type Initialized, initCluster } from './bootstrap.ts';
import type { Env } from './env.ts';
import { storePath } from './server.ts';
import { SqliteStore } from './store/sqlite-store.ts';

/** What `gantry cluster init` says: ClusterOptions. */
const Options = strict({
  name: Name,
  node: Name,
  network: optional(strict({ name: optional(Name), ...NetworkSpec.properties })),
  image: optional(strict({ name: ImageName, os: OsSource, boot: Boot })),
  macPrefix: ClusterSpec.properties.macPrefix,
});

/** @throws GantryError `invalid_body`, `unknown_field`, `name_taken`, `store_locked`, `store_unusable` */
export async function initCommand(
  env: Env,
  state: string,
  stdin: NodeJS.ReadableStream,
): Promise<Initialized> {
  const options = validate(Options, parse(await text(stdin as never)));
  const path = storePath(state);
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  const store = new SqliteStore(path);
  try {
    return await initCluster(store, env, options);
  } finally {
    await store.close();
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw err('invalid_body', { problems: 'the options on stdin are not JSON' }, error);
  }
}
