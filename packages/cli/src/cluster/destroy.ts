/** Taking away what `cluster init` made, and nothing else: instances and networks through the API, then the daemons, then the state. */
import { rmdirSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { err, type Operation } from '@gantry/model';
import { everyItem } from '../commands/pages.ts';
import { readConfig, writeConfig } from '../config.ts';
import { follow } from '../operations/follow.ts';
import { Session } from '../session.ts';
import type { Layout, Settings } from './layout.ts';
import { succeeds } from './programs.ts';
import { localClient, startDaemons, stopDaemons } from './start.ts';
import { removeUnits } from './systemd.ts';

export async function destroyCluster(
  session: Session,
  layout: Layout,
  settings: Settings,
  withInstances: boolean,
): Promise<void> {
  if (settings.complete) await emptyCluster(session, layout, settings, withInstances);
  else await session.confirm(`Remove the unfinished cluster ${settings.name} in ${layout.state}?`);
  if (settings.mode === 'systemd') await removeUnits();
  else await stopDaemons(layout, settings);
  const { controller, agent, run, log, lib, release, draft, adminToken, settings: file } = layout;
  for (const path of [controller, agent, run, log, lib, release, draft, adminToken])
    rmSync(path, { recursive: true, force: true });
  // Last: as long as it is there, the command can be repeated.
  rmSync(file, { force: true });
  removeIfEmpty(layout.state);
  forget(session, settings.name, `unix:${layout.socket}`);
  session.note(`cluster ${settings.name} is gone; system user gantry and the cache stay`);
}

async function emptyCluster(
  session: Session,
  layout: Layout,
  settings: Settings,
  withInstances: boolean,
): Promise<void> {
  await startDaemons(layout, settings);
  const client = localClient(layout);
  try {
    const instances = await everyItem(client, 'listInstances');
    const names = instances.map(({ name }) => name).join(', ');
    if (instances.length > 0 && !withInstances)
      throw err('in_use', {
        kind: 'cluster',
        name: settings.name,
        users: `${names}; --with-instances deletes them too`,
      });
    await session.confirm(
      `Destroy cluster ${settings.name}${names ? ` with ${names}` : ''} and all its disks?`,
    );
    const local = new Session(session.io, session.globals, () => client);
    for (const { id } of instances) {
      const answer = await client.call('deleteInstance', { params: { ref: id } });
      await follow(local, answer as Operation);
    }
    await removeNetworks(client);
  } finally {
    client.close();
  }
}

const BRIDGE_MS = 15_000;

/** The agent takes bridges, DHCP and NAT away; without it they would stay until the next boot. */
async function removeNetworks(client: Session['client']): Promise<void> {
  const networks = await everyItem(client, 'listNetworks');
  for (const { id } of networks) await client.call('deleteNetwork', { params: { ref: id } });
  const bridges = networks.flatMap(({ spec }) => (spec.mode === 'nat' && spec.bridge ? [spec.bridge] : []));
  const endMs = performance.now() + BRIDGE_MS;
  for (const bridge of bridges) while ((await isThere(bridge)) && performance.now() < endMs) await sleep(100);
}

/** Asked of the kernel by netlink: /sys may be that of another network namespace. */
const isThere = async (link: string): Promise<boolean> =>
  (await succeeds('ip', ['link', 'show', 'dev', link])) !== undefined;

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
