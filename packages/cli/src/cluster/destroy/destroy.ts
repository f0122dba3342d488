/**
 * `cluster destroy`: what `cluster init` and `node add` made, and nothing else. First all that the cluster takes away itself, on every
 * node; from then on, noted in its settings, only what is on this machine. Each step may be repeated after a crash.
 */
import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readConfig, writeConfig } from '../../config.ts';
import type { Session } from '../../session.ts';
import { removeTree } from '../files.ts';
import { type Layout, readSettings, type Settings, settingsOf, writeSettings } from '../layout.ts';
import { alone, lockFile } from '../machine-lock.ts';
import { takeOffNode } from '../node.ts';
import { localClient, startDaemons, stopDaemons } from '../start.ts';
import { removeUnits } from '../systemd.ts';
import { untilNodeReady } from '../wait.ts';
import { emptyCluster, leaveWith } from './empty.ts';
import { type Consent, type Losses, leftBehindText, lossesOf, lossesText, requireConsent } from './losses.ts';

export interface DestroyWishes extends Consent {
  /** The cluster's, as the user gave it beside --yes. */
  name: string | undefined;
}

/** What would be lost, and what stands against it. @throws GantryError `api_unreachable` where the controller does not run */
export async function planDestroy(session: Session, layout: Layout, consent: Consent): Promise<void> {
  const client = localClient(layout);
  try {
    const losses = await lossesOf(client);
    await session.out.object(losses, losses.cluster.name, () => lossesText(losses));
    requireConsent(losses, consent);
  } finally {
    client.close();
  }
}

/** @throws GantryError `usage`, `guests_up`, `nodes_silent`, `in_use`; before anything was changed */
export async function destroyCluster(session: Session, layout: Layout, wishes: DestroyWishes): Promise<void> {
  // it is written at the end: what is wrong with it shows while there is a cluster
  readConfig(session.io.env);
  await alone(layout, async () => {
    try {
      await destroy(session, layout, settingsOf(layout), wishes);
    } finally {
      // that of another command may be the one that this waited for
      if (!readSettings(layout)) removeLock(layout);
    }
  });
}

async function destroy(
  session: Session,
  layout: Layout,
  settings: Settings,
  wishes: DestroyWishes,
): Promise<void> {
  const { name } = settings;
  const whole = settings.complete && !settings.destroying;
  const losses = whole ? await emptyAll(session, layout, settings, wishes) : undefined;
  if (!whole) {
    session.note(
      settings.destroying
        ? `The cluster ${name} is being destroyed: what is left of it on this machine goes.`
        : `The cluster ${name} in ${layout.state} was not finished: what there is of it goes.`,
    );
    await session.confirmName('cluster', name, wishes.name);
  }
  writeSettings(layout, { ...settings, destroying: true });
  await takeOffThis(layout, settings, wishes);
  forget(session, name, `unix:${layout.socket}`);
  session.note(`cluster ${name} is gone; system user gantry and the cache stay`);
  for (const node of wishes.leaveBehind) if (losses) session.note(leftBehindText(node, losses));
  const cluster = { name, ...(settings.id ? { id: settings.id } : {}) };
  const { leaveBehind } = wishes;
  await session.out.done('cluster.destroy', { cluster, leftBehind: losses ? leaveBehind : [] }, name);
}

async function emptyAll(
  session: Session,
  layout: Layout,
  settings: Settings,
  wishes: DestroyWishes,
): Promise<Losses> {
  await startDaemons(layout, settings);
  const client = localClient(layout);
  try {
    await untilNodeReady(client, settings.node, () => undefined);
    const losses = await lossesOf(client);
    session.note(lossesText(losses));
    requireConsent(losses, wishes);
    await session.confirmName('cluster', settings.name, wishes.name);
    await emptyCluster(session, client, { losses, consent: wishes, local: settings.node });
    return losses;
  } finally {
    client.close();
  }
}

/** Daemons, then what the agent made, then files; the settings last: as long as they are there, the command can be repeated. */
async function takeOffThis(layout: Layout, settings: Settings, consent: Consent): Promise<void> {
  if (settings.mode === 'systemd') await removeUnits();
  else await stopDaemons(layout, settings);
  await takeOffNode(layout, settings, leaveWith(consent));
  const { controller, agent, run, log, lib, release, draft, adminToken, settings: file } = layout;
  const aside = [`${draft}.backup`, `${draft}.restore`, ...besides(controller)];
  for (const path of [controller, agent, run, log, lib, release, draft, ...aside, adminToken])
    removeTree(path);
  for (const path of [`${file}.new`, `${adminToken}.new`, file]) rmSync(path, { force: true });
}

function removeLock(layout: Layout): void {
  rmSync(lockFile(layout), { force: true });
  removeIfEmpty(layout.state);
}

/** Stores that restores have replaced. */
const besides = (controller: string): string[] =>
  readdirSync(dirname(controller))
    .filter((name) => name.startsWith(`${basename(controller)}.before-`))
    .map((name) => join(dirname(controller), name));

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // something of others lies there
  }
}

function forget(session: Session, name: string, url: string): void {
  const { env } = session.io;
  const { current, contexts } = readConfig(env);
  if (contexts[name]?.url !== url) return;
  const rest = Object.fromEntries(Object.entries(contexts).filter(([other]) => other !== name));
  writeConfig(env, { contexts: rest, ...(current !== undefined && current !== name ? { current } : {}) });
}
