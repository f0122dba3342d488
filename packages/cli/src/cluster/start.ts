/** Starting and stopping what `cluster init` made. */
import { spawn } from 'node:child_process';
import { Client } from '@gantry/client';
import { err } from '@gantry/model';
import { localContext } from '../config.ts';
import type { Daemon } from '../hand-over.ts';
import type { Io } from '../io.ts';
import { ensureAccount } from './account.ts';
import {
  agentArguments,
  environments,
  listensFar,
  type Programs,
  programsFor,
  serverArguments,
} from './daemons.ts';
import type { Layout, Settings } from './layout.ts';
import { logFile, requireRunning, running, startDetached, stopDetached } from './process.ts';
import { ensureRelease } from './release.ts';
import { installUnits, isActive, setUnits } from './systemd.ts';
import { untilAnswers } from './wait.ts';

export const localClient = (layout: Layout): Client => new Client(localContext(layout.state));

/** Both daemons run afterwards; the API answers. */
export async function startDaemons(layout: Layout, settings: Settings): Promise<void> {
  const owner = await ensureAccount(layout.state);
  const programs = programsFor(owner, layout);
  if (listensFar(settings)) await ensureRelease(layout);
  if (settings.mode === 'systemd') {
    await installUnits(layout, settings, programs);
    return await answered(layout, () => undefined);
  }
  const args = serverArguments(layout, settings);
  await startDetached(layout, 'server', { node: programs.node, module: programs.server, args, owner });
  await answered(layout, () => requireRunning(layout, 'server'));
  await startDetached(layout, 'agent', {
    node: programs.node,
    module: programs.agent,
    args: agentArguments(layout, settings),
  });
}

async function answered(layout: Layout, alive: () => void): Promise<void> {
  const client = localClient(layout);
  try {
    await untilAnswers(client, alive);
  } finally {
    client.close();
  }
}

/** The agent first, so that it is not left without the controller. True for each that ran. */
export async function stopDaemons(layout: Layout, settings: Settings): Promise<Record<Daemon, boolean>> {
  if (settings.mode === 'systemd') {
    const [server, agent] = [await isActive('server'), await isActive('agent')];
    await setUnits('stop');
    return { server, agent };
  }
  const agent = await stopDetached(layout, 'agent');
  return { agent, server: await stopDetached(layout, 'server') };
}

/** The controller alone: agent and guests go on. */
export async function stopServer(layout: Layout, settings: Settings): Promise<void> {
  if (settings.mode === 'systemd') await setUnits('stop', ['server']);
  else await stopDetached(layout, 'server');
}

export interface DaemonState {
  daemon: Daemon;
  running: boolean;
  pid?: number;
  log: string;
}

export async function daemonStates(layout: Layout, settings: Settings): Promise<DaemonState[]> {
  const state = async (daemon: Daemon): Promise<DaemonState> => {
    if (settings.mode === 'systemd')
      return {
        daemon,
        running: await isActive(daemon),
        log: `journalctl -u gantry-${daemon === 'server' ? 'controller' : 'agent'}`,
      };
    const id = running(layout, daemon);
    return {
      daemon,
      running: id !== undefined,
      ...(id ? { pid: id.pid } : {}),
      log: logFile(layout, daemon),
    };
  };
  return [await state('server'), await state('agent')];
}

/** Both as children of this process until one ends or Ctrl-C is pressed. */
export async function runForeground(
  io: Io,
  layout: Layout,
  settings: Settings,
  ready: () => Promise<void>,
): Promise<void> {
  const owner = await ensureAccount(layout.state);
  const programs = programsFor(owner, layout);
  if (listensFar(settings)) await ensureRelease(layout);
  const children = [server(programs, layout, settings, owner), agent(programs, layout, settings)];
  const ended = children.map(
    (child) =>
      new Promise<string>((resolve) =>
        child.once('close', (code, signal) => resolve(String(signal ?? code))),
      ),
  );
  let asked = false;
  const stop = () => {
    asked = true;
    for (const child of children) child.kill('SIGTERM');
  };
  const off = [io.onInterrupt(stop), onTerminate(stop)];
  try {
    await Promise.race([...ended, ready()]);
    const how = await Promise.race(ended);
    if (!asked)
      throw err('host_unfit', { why: `one of the daemons ended (${how})`, remedy: 'What it said is above.' });
  } finally {
    stop();
    await Promise.all(ended);
    for (const undo of off) undo();
  }
}

const onTerminate = (handler: () => void): (() => void) => {
  process.on('SIGTERM', handler);
  return () => process.off('SIGTERM', handler);
};

const server = ({ node, server: module }: Programs, layout: Layout, settings: Settings, owner: object) =>
  spawn(node, [module, ...serverArguments(layout, settings)], {
    ...owner,
    cwd: '/',
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
const agent = ({ node, agent: module }: Programs, layout: Layout, settings: Settings) =>
  spawn(node, [module, ...agentArguments(layout, settings)], {
    cwd: '/',
    env: { ...process.env, ...environments.agent },
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
