/** `cluster backup` and `cluster restore`: the store, the authority with its keys, and what this machine needs to run them. */
import {
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { err, version } from '@gantry/model';
import type { Session } from '../session.ts';
import { ensureAccount } from './account.ts';
import { type Manifest, pack, refuseExisting, unpack } from './archive.ts';
import { programsFor } from './daemons.ts';
import { ensureFolder, type Owner, syncFolder } from './files.ts';
import { type Layout, readSettings, type Settings } from './layout.ts';
import { serverVerb } from './server-verb.ts';
import { startDaemons, stopDaemons } from './start.ts';

/** What is in the archive, and where it lies on this machine. */
const placesOf = (layout: Layout) => ({
  store: join(layout.controller, 'store.db'),
  authority: join(layout.controller, 'ca'),
  files: [
    ['admin-token', layout.adminToken],
    ['agent-token', layout.agentToken],
    ['cluster.json', layout.settings],
  ] as const,
});

interface BackedUp {
  path: string;
  cluster: Manifest['cluster'];
  instances: number;
}

export async function backUp(session: Session, layout: Layout, to: string): Promise<void> {
  const file = resolve(to);
  refuseExisting(file);
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
    for (const [name, path] of files) if (existsSync(path)) copyFileSync(path, join(folder, name));
    const { cluster, instances } = made;
    await pack(folder, { version, at: new Date().toISOString(), cluster, instances }, file);
    session.note(`${file}: cluster ${cluster.name} with ${instances} instances; no disks and no images`);
    session.note('Keep it as you keep keys: the authority’s key and the administrator’s token are in it.');
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(made.path, { force: true });
  }
}

interface Restored {
  instances: number;
  operations: number;
}

export async function restore(session: Session, layout: Layout, from: string): Promise<void> {
  const folder = `${layout.draft}.restore`;
  rmSync(folder, { recursive: true, force: true });
  try {
    const manifest = await unpack(resolve(from), folder);
    const { cluster, at } = manifest;
    requireSame(layout, manifest);
    await session.confirm(
      `Put the store of cluster ${cluster.name} as it was at ${at} in place of the present one? What was done since then is forgotten, not undone.`,
    );
    const owner = await ensureAccount(layout.state);
    const made = await prepare(layout, owner, folder);
    const settings = await exchange(session, layout, owner, folder);
    await startDaemons(layout, settings);
    session.note(
      `cluster ${cluster.name} is as it was at ${at}; ${made.operations} operations that were under way count as failed`,
    );
    session.note(
      `Its ${made.instances} instances are told of as their nodes find them: what runs goes on, what does not stays down until it is started.`,
    );
    session.note('Look with: gantry cluster verify');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Disks and guests here belong to one cluster. @throws GantryError `bad_backup` */
function requireSame(layout: Layout, { cluster }: Manifest): void {
  const present = readSettings(layout);
  if (present && present.name !== cluster.name)
    throw err('bad_backup', {
      file: 'the backup',
      why: `it is of cluster ${cluster.name}, and ${layout.state} is of cluster ${present.name}`,
    });
}

/** The controller's user makes a usable store of the copy, aside. */
async function prepare(layout: Layout, owner: Owner, folder: string): Promise<Restored> {
  const aside = join(folder, 'controller');
  ensureFolder(folder, owner, 0o700);
  ensureFolder(aside, owner, 0o750);
  for (const name of ['store.db', 'ca'])
    if (existsSync(join(folder, name))) renameSync(join(folder, name), join(aside, name));
  own(aside, owner);
  const failed = 'the backup could not be made ready';
  return serverVerb<Restored>(programsFor(owner, layout), owner, { verb: 'restore', state: folder, failed });
}

function own(folder: string, owner: Owner): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    chownSync(join(folder, name), owner.uid, owner.gid);
}

/** What was there is kept beside it; the store comes last, so that a half exchange is no cluster that runs. */
async function exchange(session: Session, layout: Layout, owner: Owner, folder: string): Promise<Settings> {
  const { store, authority, files } = placesOf(layout);
  const present = readSettings(layout);
  if (present) await stopDaemons(layout, present);
  const before = `${layout.controller}.before-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  ensureFolder(layout.controller, owner, 0o750);
  mkdirSync(before, { mode: 0o700 });
  for (const path of [`${store}-wal`, `${store}-shm`, store, authority])
    if (existsSync(path)) renameSync(path, join(before, path.slice(layout.controller.length + 1)));
  for (const [name, path] of files)
    if (existsSync(join(folder, name)) && (name !== 'cluster.json' || !present))
      copyFileSync(join(folder, name), path);
  for (const [name, path] of [
    ['ca', authority],
    ['store.db', store],
  ] as const)
    if (existsSync(join(folder, 'controller', name))) renameSync(join(folder, 'controller', name), path);
  syncFolder(layout.controller);
  session.note(`what was there is kept in ${before}`);
  const settings = readSettings(layout);
  if (!settings)
    throw err('bad_backup', { file: 'the backup', why: 'it does not say how the cluster is run' });
  return settings;
}
