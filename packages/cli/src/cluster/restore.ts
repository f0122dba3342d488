/** `cluster restore`: a backup in place of the store, the authority and the tokens of this machine. */
import { chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { err } from '@gantry/model';
import { showPlan } from '../operations/submit.ts';
import type { Session } from '../session.ts';
import { ensureAccount, findAccount } from './account.ts';
import { unpack } from './archive.ts';
import { placesOf } from './backup.ts';
import { programsFor } from './daemons.ts';
import { copyDurably, ensureFolder, type Owner, syncFolder, syncTree } from './files.ts';
import {
  clustersHere,
  type Layout,
  makeFolders,
  readSettings,
  type Settings,
  writeSettings,
} from './layout.ts';
import { alone, lockFile } from './machine-lock.ts';
import type { Manifest } from './manifest.ts';
import { serverVerb } from './server-verb.ts';
import { startDaemons, stopDaemons } from './start.ts';

/** Where nobody made the controller's account yet: a plan makes none. */
const ROOT: Owner = { uid: 0, gid: 0 };
/** In the archive: how the cluster is run. */
const SETTINGS = 'cluster.json';

interface Restored {
  cluster: Manifest['cluster'];
  instances: number;
  operations: number;
}

/**
 * @param plan only say what it would do, after the same checks
 * @throws GantryError `bad_backup`, `machine_busy`; then nothing was changed
 */
export async function restore(session: Session, layout: Layout, from: string, plan = false): Promise<void> {
  const file = resolve(from);
  const first = !existsSync(layout.state);
  await alone(layout, async () => {
    const folder = `${layout.draft}.restore`;
    rmSync(folder, { recursive: true, force: true });
    try {
      const source = { file, folder };
      if (plan) await planRestore(session, layout, source);
      else await restoreFrom(session, layout, source);
    } finally {
      rmSync(folder, { recursive: true, force: true });
      if (first) removeBare(layout);
    }
  });
}

/** A plan or refusal on a machine without a cluster leaves no folder of one behind. With the lock held: who waits for it looks again. */
function removeBare(layout: Layout): void {
  const [lock, programs] = [lockFile(layout), layout.lib];
  const ours = [basename(lock), basename(programs)];
  if (readdirSync(layout.state).some((name) => !ours.includes(name))) return;
  rmSync(programs, { recursive: true, force: true });
  rmSync(lock);
  rmdirSync(layout.state);
}

interface Source {
  file: string;
  /** Where its content lies meanwhile. */
  folder: string;
}

async function planRestore(session: Session, layout: Layout, source: Source): Promise<void> {
  const { cluster, at } = await opened(layout, source);
  const owner = (await findAccount()) ?? ROOT;
  const { instances, operations } = await prepare(layout, owner, source, cluster);
  const present = readSettings(layout) !== undefined;
  const plan = [
    `put the store of cluster ${cluster.name} as it was at ${at} into ${layout.state}`,
    present ? 'stop controller and agent for it, and start them; guests go on' : 'start controller and agent',
    ...(existsSync(placesOf(layout).store) ? ['keep the store that is there beside it'] : []),
    `hold its ${instances} instances until their nodes have told how they find them; none is started, stopped or deleted`,
    `count ${operations} operations that were under way as failed`,
  ];
  await showPlan(session, { plan });
}

async function opened(layout: Layout, { file, folder }: Source): Promise<Manifest> {
  const manifest = await unpack(file, folder);
  requireSame(layout, file, manifest.cluster);
  if (!readSettings(layout) && !existsSync(join(folder, SETTINGS)))
    throw err('bad_backup', { file, why: 'it does not say how the cluster is run' });
  return manifest;
}

async function restoreFrom(session: Session, layout: Layout, source: Source): Promise<void> {
  const { file } = source;
  const { cluster, at } = await opened(layout, source);
  await session.confirm(
    `Put the store of cluster ${cluster.name} as it was at ${at} in place of the present one? What was done since then is forgotten, not undone.`,
  );
  const owner = await ensureAccount(layout.state);
  const made = await prepare(layout, owner, source, cluster);
  const { settings, kept } = await exchange(layout, owner, source);
  session.note(`what was there is kept in ${kept}`);
  await startDaemons(layout, settings);
  session.note(
    `cluster ${cluster.name} is as it was at ${at}; ${made.operations} operations that were under way count as failed`,
  );
  session.note(
    `Its ${made.instances} instances are told of as their nodes find them: what runs goes on, what does not stays down until it is started.`,
  );
  session.note('Look with: gantry cluster verify');
  const { instances, operations } = made;
  await session.out.done('cluster.restore', { cluster, at, file, instances, operations, kept }, cluster.name);
}

/** Disks and guests here belong to one cluster; names do not tell, since most are called alike. @throws GantryError `bad_backup` */
export function requireSame(layout: Layout, file: string, { id, name }: Manifest['cluster']): void {
  const here = clustersHere(layout);
  const present = readSettings(layout)?.name;
  const sameName = present === undefined || present === name;
  if (here.length > 0 ? here.includes(id) : sameName) return;
  const which = sameName ? here.join(', ') : present;
  throw err('bad_backup', {
    file,
    why: `it is of cluster ${sameName ? id : name}, and ${layout.state} is of cluster ${which}`,
  });
}

/** The controller's user makes a usable store of the copy, aside. */
async function prepare(
  layout: Layout,
  owner: Owner,
  { file, folder }: Source,
  cluster: Manifest['cluster'],
): Promise<Restored> {
  const aside = join(folder, 'controller');
  ensureFolder(folder, owner, 0o700);
  ensureFolder(aside, owner, 0o750);
  for (const name of ['store.db', 'ca'])
    if (existsSync(join(folder, name))) renameSync(join(folder, name), join(aside, name));
  own(aside, owner);
  const failed = 'the backup could not be made ready';
  const how = { verb: 'restore', state: folder, failed } as const;
  const made = await serverVerb<Restored>(programsFor(owner, layout), owner, how);
  if (made.cluster.id === cluster.id) return made;
  throw err('bad_backup', { file, why: 'the store in it is of another cluster than its manifest says' });
}

function own(folder: string, owner: Owner): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    chownSync(join(folder, name), owner.uid, owner.gid);
}

/** Of a cluster that was half destroyed its nodes are in the store again: the next destroy begins with them. */
function begunAnew(layout: Layout): void {
  const { destroying, ...settings } = readSettings(layout) ?? {};
  if (destroying) writeSettings(layout, settings as Settings);
}

/**
 * What was there is kept beside it; the store comes last, so that a half exchange is no cluster that runs. Everything is on
 * the disk before the first rename: a store without the keys of its authority would let in none of its nodes.
 */
async function exchange(
  layout: Layout,
  owner: Owner,
  { file, folder }: Source,
): Promise<{ settings: Settings; kept: string }> {
  const { store, authority, files } = placesOf(layout);
  const present = readSettings(layout);
  if (present) await stopDaemons(layout, present);
  makeFolders(layout, owner);
  const before = `${layout.controller}.before-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  ensureFolder(layout.controller, owner, 0o750);
  mkdirSync(before, { mode: 0o700 });
  syncTree(join(folder, 'controller'));
  for (const path of [`${store}-wal`, `${store}-shm`, store, authority])
    if (existsSync(path)) renameSync(path, join(before, path.slice(layout.controller.length + 1)));
  syncFolder(before);
  for (const { name, path, mode } of files)
    if (existsSync(join(folder, name)) && (name !== SETTINGS || !present))
      copyDurably(join(folder, name), path, mode);
  begunAnew(layout);
  for (const [name, path] of [
    ['ca', authority],
    ['store.db', store],
  ] as const)
    if (existsSync(join(folder, 'controller', name))) renameSync(join(folder, 'controller', name), path);
  for (const changed of [layout.controller, layout.state]) syncFolder(changed);
  const settings = readSettings(layout);
  if (!settings) throw err('bad_backup', { file, why: 'it does not say how the cluster is run' });
  return { settings, kept: before };
}
