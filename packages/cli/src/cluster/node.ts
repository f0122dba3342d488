/** This machine as a node of another machine's cluster. Each step looks first: after a crash the next run completes it. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@gantry/client';
import { err, isGantryError, LeaveWith, matches } from '@gantry/model';
import { daemonPath } from '../hand-over.ts';
import type { Session } from '../session.ts';
import { agentArguments } from './daemons.ts';
import { ensureFolder, removeTree, writeDurably } from './files.ts';
import { libvirtSocket, requireFit } from './host-check.ts';
import {
  type AgentSettings,
  type Layout,
  type NodeSettings,
  readNodeSettings,
  readSettings,
} from './layout.ts';
import { alone, lockFile } from './machine-lock.ts';
import { requireRunning, startDetached, stopDetached } from './process.ts';
import { installAgentUnit, removeUnits } from './systemd.ts';
import { untilNodeReady } from './wait.ts';

const ROOT = { uid: 0, gid: 0 };

export interface JoinWanted {
  /** File with the certificate of the cluster's CA. */
  ca: string;
  token: string;
}

/** @returns exit code of the agent that joins: it has said why */
export async function joinNode(
  session: Session,
  layout: Layout,
  wanted: Omit<NodeSettings, 'complete'>,
  how: JoinWanted,
): Promise<number> {
  requireFree(layout, wanted);
  requireFit(wanted.libvirt);
  return await alone(layout, async () => {
    // who held the lock may have made one of it meanwhile
    requireFree(layout, wanted);
    makeFolders(layout);
    const code = await enrol(layout, wanted, how);
    if (code !== 0) return code;
    session.note(`  identity  ${layout.identity}`);
    const settings: NodeSettings = { ...wanted, complete: false };
    writeSettings(layout, settings);
    await startAgent(layout, settings);
    session.note(`  agent     ${wanted.mode === 'systemd' ? 'gantry-agent.service' : 'detached'}`);
    await untilReady(session, layout, settings);
    writeSettings(layout, { ...settings, complete: true });
    return 0;
  });
}

function makeFolders(layout: Layout): void {
  for (const [folder, mode] of [
    [layout.state, 0o755],
    [layout.agent, 0o711],
    [layout.run, 0o755],
    [layout.log, 0o750],
  ] as const)
    ensureFolder(folder, ROOT, mode);
}

function requireFree(layout: Layout, { node }: Pick<NodeSettings, 'node'>): void {
  const cluster = readSettings(layout);
  const why = cluster && `it has a cluster of its own, ${cluster.name}, in ${layout.state}`;
  if (why) throw err('join_refused', { node, why });
}

const writeSettings = (layout: Layout, settings: NodeSettings): void =>
  writeDurably(layout.nodeSettings, `${JSON.stringify(settings, null, 2)}\n`, 0o644);

/** By the agent's own program, which keeps the keys. The token does not appear among its words. */
async function enrol(
  layout: Layout,
  { controller, node }: Pick<NodeSettings, 'controller' | 'node'>,
  { ca, token }: JoinWanted,
): Promise<number> {
  const words = ['join', '--state', layout.state, '--api', controller, '--ca', ca, '--name', node];
  return await runAgent(words, { ...process.env, GANTRY_JOIN_TOKEN: token });
}

/** To its end; what it has to say it says itself. */
async function runAgent(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, [daemonPath('agent'), ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  return await new Promise<number>((resolve, reject) =>
    child.once('error', reject).once('close', (code) => resolve(code ?? 1)),
  );
}

/** What does not run of it; resolves when the controller finds the node ready. */
export async function startNode(session: Session, layout: Layout, settings: NodeSettings): Promise<void> {
  await alone(layout, async () => {
    makeFolders(layout);
    await startAgent(layout, settings);
  });
  await untilReady(session, layout, settings);
}

/** Runs it, as it was chosen when the machine joined. */
async function startAgent(layout: Layout, settings: NodeSettings): Promise<void> {
  const programs = { node: process.execPath, agent: daemonPath('agent') };
  if (settings.mode === 'systemd') return await installAgentUnit(layout, settings, programs);
  const args = agentArguments(layout, settings);
  await startDetached(layout, 'agent', { node: programs.node, module: programs.agent, args });
}

/** Speaks as this node. */
function clientOf({ identity }: Layout, { controller }: Pick<NodeSettings, 'controller'>): Client {
  const { ca, agent } = JSON.parse(readFileSync(identity, 'utf8')) as {
    ca: string;
    agent: { key: string; cert: string };
  };
  return new Client({ url: controller, tls: { ca, ...agent } });
}

/** Asked of the controller, with the certificate of this node. */
async function untilReady(
  session: Session,
  layout: Layout,
  { controller, node, mode }: NodeSettings,
): Promise<void> {
  const client = clientOf(layout, { controller });
  try {
    const alive = mode === 'systemd' ? () => undefined : () => requireRunning(layout, 'agent');
    const ready = await untilNodeReady(client, node, alive);
    session.note(`node ${node} is ready`);
    await session.out.result(ready, ready.name);
  } finally {
    client.close();
  }
}

/** @throws GantryError `host_unfit` on a machine that joined no cluster */
export function localNode(layout: Layout): NodeSettings {
  const settings = readNodeSettings(layout);
  if (settings) return settings;
  throw err('host_unfit', {
    why: `it joined no cluster with its state in ${layout.state}`,
    remedy: 'Run the line that `gantry node add NAME` prints on the controller.',
  });
}

/**
 * What joining made. Bridges that guests used here are taken away too.
 * @param gone the cluster is no more, or gave this node up: guests and disks that it left here go, too
 * @throws GantryError `in_use` while the cluster knows this node, or while something lies here that may not go
 */
export async function leaveCluster(layout: Layout, settings: NodeSettings, gone = false): Promise<void> {
  const { node, mode } = settings;
  const told = toldToLeave(layout);
  if (told === undefined && (await isKnown(layout, settings, gone)))
    throw err('in_use', { kind: 'node', name: node, users: 'the cluster' });
  const guests = told ?? (gone ? 'any' : 'none');
  if (mode === 'systemd') await removeUnits(['agent']);
  else await stopDetached(layout, 'agent');
  await takeOffNode(layout, settings, guests);
  const { agent, run, log, nodeSettings } = layout;
  for (const path of [agent, run, log]) removeTree(path);
  rmSync(lockFile(layout), { force: true });
  // last: as long as it is there, the command can be repeated
  rmSync(nodeSettings, { force: true });
}

/** The controller told its agent what may go with it: nobody is asked again. */
function toldToLeave({ agent }: Layout): LeaveWith | undefined {
  const path = join(agent, 'leaving');
  const word = existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  return matches(LeaveWith, word) ? word : undefined;
}

/** By the agent's own program, which knows its guests and networks. The agent must not run. */
export async function takeOffNode(layout: Layout, settings: AgentSettings, guests: LeaveWith): Promise<void> {
  if (!existsSync(layout.agent)) return;
  const libvirt = libvirtSocket(settings.libvirt);
  const words = [
    ...['leave', '--state', layout.state, '--guests', guests],
    ...(settings.pki ? ['--pki', settings.pki] : []),
    ...(libvirt ? ['--libvirt', libvirt] : []),
  ];
  if ((await runAgent(words, process.env)) !== 0)
    throw err('host_unfit', { why: 'what is left of it is told above', remedy: 'Repeat the command then.' });
}

/** Its certificate is good yet. A controller that cannot be asked may know it: then nothing is removed, unless it is gone. */
async function isKnown(layout: Layout, settings: NodeSettings, gone: boolean): Promise<boolean> {
  if (!existsSync(layout.identity)) return false;
  const client = clientOf(layout, settings);
  try {
    await client.call('whoami', {});
    return true;
  } catch (error) {
    if (isGantryError(error, 'certificate_needed') || isGantryError(error, 'unauthenticated')) return false;
    if (gone && isGantryError(error, 'api_unreachable')) return false;
    throw error;
  } finally {
    client.close();
  }
}
