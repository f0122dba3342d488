/** `cluster backup`: the store, the authority with its keys, and what this machine needs to run them. */
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { version } from '@gantry/model';
import type { Session } from '../session.ts';
import { ensureAccount } from './account.ts';
import { pack, refuseExisting } from './archive.ts';
import { programsFor } from './daemons.ts';
import type { Layout } from './layout.ts';
import { alone } from './machine-lock.ts';
import type { Manifest } from './manifest.ts';
import { serverVerb } from './server-verb.ts';

/** What is in the archive, and where it lies on this machine. */
export const placesOf = (layout: Layout) => ({
  store: join(layout.controller, 'store.db'),
  authority: join(layout.controller, 'ca'),
  files: [
    { name: 'admin-token', path: layout.adminToken, mode: 0o600 },
    { name: 'agent-token', path: layout.agentToken, mode: 0o600 },
    { name: 'cluster.json', path: layout.settings, mode: 0o644 },
  ] as const,
});

interface BackedUp {
  path: string;
  cluster: Manifest['cluster'];
  instances: number;
}

/** One at a time: the copies lie beside the store, under one name. @throws GantryError `name_taken`, `machine_busy` */
export async function backUp(session: Session, layout: Layout, to: string): Promise<void> {
  const file = resolve(to);
  refuseExisting(file);
  await alone(layout, () => copyAndPack(session, layout, file));
}

async function copyAndPack(session: Session, layout: Layout, file: string): Promise<void> {
  const owner = await ensureAccount(layout.state);
  const failed = 'the store could not be copied';
  const made = await serverVerb<BackedUp>(programsFor(owner, layout), owner, {
    verb: 'backup',
    state: layout.state,
    failed,
  });
  const folder = `${layout.draft}.backup`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { mode: 0o700 });
  try {
    const { authority, files } = placesOf(layout);
    renameSync(made.path, join(folder, 'store.db'));
    if (existsSync(authority)) cpSync(authority, join(folder, 'ca'), { recursive: true });
    for (const { name, path } of files) if (existsSync(path)) copyFileSync(path, join(folder, name));
    const { cluster, instances } = made;
    const at = new Date().toISOString();
    await pack(folder, { version, at, cluster, instances }, file);
    session.note(`${file}: cluster ${cluster.name} with ${instances} instances; no disks and no images`);
    session.note('Keep it as you keep keys: the authority’s key and the administrator’s token are in it.');
    await session.out.done('cluster.backup', { cluster, at, file, instances }, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(made.path, { force: true });
  }
}
