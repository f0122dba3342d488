/** A cluster of this machine, step by step. Each step looks first: after a crash the next run completes what is missing. */
import { readTokenFile } from '@gantry/client';
import { type Cluster, err, type Node } from '@gantry/model';
import { localContext, readConfig, writeConfig } from '../config.ts';
import type { Session } from '../session.ts';
import { ensureAccount } from './account.ts';
import { listensFar, programsFor } from './daemons.ts';
import { writeDurably } from './files.ts';
import { requireFit } from './host-check.ts';
import { type Layout, layoutOf, makeFolders, readSettings, type Settings } from './layout.ts';
import { alone } from './machine-lock.ts';
import { requireRunning } from './process.ts';
import { localClient, runForeground, startDaemons } from './start.ts';
import { ensureStore, storeExists } from './store.ts';
import { untilAnswers, untilNodeReady } from './wait.ts';

type Wanted = Omit<Settings, 'complete'>;

/** @throws GantryError `name_taken` when the cluster is there, complete; `host_unfit` with all that is missing; `machine_busy` */
export async function initCluster(session: Session, state: string, wanted: Wanted): Promise<void> {
  const layout = layoutOf(state);
  unfinished(layout);
  requireFit(wanted.libvirt);
  await alone(layout, (free) => make(session, layout, wanted, free));
}

/** What an earlier run began. */
function unfinished(layout: Layout): Settings | undefined {
  const earlier = readSettings(layout);
  if (!earlier?.complete) return earlier;
  throw err('name_taken', { kind: 'cluster', name: `${earlier.name} (in ${layout.state})` });
}

/** @param ready in the foreground the daemons are this command's own: others may work on the cluster from then on */
async function make(session: Session, layout: Layout, wanted: Wanted, ready: () => void): Promise<void> {
  const { state } = layout;
  const earlier = unfinished(layout);
  // What the store was made with stays; how it is run may be corrected by the next try.
  const made = earlier && storeExists(layout) ? storedOf(earlier) : {};
  const settings: Settings = { ...wanted, ...made, complete: false };
  await step(session, 'account', 'system user gantry', () => ensureAccount(state));
  const owner = await ensureAccount(state);
  await step(session, 'state', state, async () => makeFolders(layout, owner));
  writeSettings(layout, settings);
  const programs = programsFor(owner, layout);
  await step(session, 'store', `cluster ${settings.name}, node ${settings.node}`, () =>
    ensureStore(layout, settings, owner, programs),
  );
  if (settings.mode === 'foreground')
    return await runForeground(session.io, layout, settings, async () => {
      await finish(session, layout, settings);
      ready();
    });
  await step(session, 'start', how(settings), () => startDaemons(layout, settings));
  await finish(session, layout, settings);
}

const storedOf = ({ name, node, bridge, subnet }: Settings) => ({ name, node, bridge, subnet });

const how = ({ mode }: Settings): string =>
  mode === 'systemd' ? 'gantry-controller.service, gantry-agent.service' : 'controller and agent, detached';

async function step(
  session: Session,
  name: string,
  detail: string,
  act: () => Promise<unknown>,
): Promise<void> {
  await act();
  session.note(`  ${name.padEnd(8)} ${detail}`);
}

const writeSettings = (layout: Layout, settings: Settings): void =>
  writeDurably(layout.settings, `${JSON.stringify(settings, null, 2)}\n`, 0o644);

async function finish(session: Session, layout: Layout, settings: Settings): Promise<void> {
  const client = localClient(layout);
  const alive = settings.mode === 'detached' ? () => requireRunning(layout, 'agent') : () => undefined;
  let cluster: Cluster;
  try {
    await untilAnswers(client, () => undefined);
    session.note(
      `  api      unix:${layout.socket}${settings.listen ? `, ${listensFar(settings) ? 'https' : 'http'}://${settings.listen}` : ''}`,
    );
    const node = await untilNodeReady(client, settings.node, alive);
    session.note(`  node     ${describe(node)}`);
    cluster = await client.call('getCluster', {});
  } finally {
    client.close();
  }
  remember(session, layout, settings);
  writeSettings(layout, { ...settings, id: cluster.id, complete: true });
  session.note(`cluster ${settings.name} is ready   gantry launch debian/12 web1`);
  await session.out.result(cluster, cluster.name);
}

const describe = ({ name, status }: Node): string => {
  const accelerator = status.facts?.accelerator;
  const speed = accelerator ? `, ${accelerator.kvm ? 'kvm' : `tcg (${accelerator.reason})`}` : '';
  return `${name} ${status.state}${speed}`;
};

/** The context of this cluster becomes the current one. */
function remember(session: Session, layout: Layout, { name }: Settings): void {
  const { env } = session.io;
  const config = readConfig(env);
  const token = readTokenFile(layout.adminToken);
  const context = { url: localContext(layout.state).url, ...(token ? { token } : {}) };
  writeConfig(env, { current: name, contexts: { ...config.contexts, [name]: context } });
}
