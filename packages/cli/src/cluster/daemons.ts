/** How the two daemons are called, and copies of them where the controller's user could not read the originals. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { err } from '@gantry/model';
import { commandPath, type Daemon, daemonPath } from '../hand-over.ts';
import type { Owner } from './files.ts';
import { libvirtSocket } from './host-check.ts';
import type { AgentSettings, Layout, Settings } from './layout.ts';

export interface Programs {
  node: string;
  server: string;
  agent: string;
}

export const serverArguments = (layout: Layout, settings: Settings): string[] => [
  '--state',
  layout.state,
  ...(settings.listen ? ['--listen', settings.listen] : []),
  ...(settings.advertise ?? []).flatMap((name) => ['--advertise', name]),
  ...(listensFar(settings) ? ['--release', layout.release] : []),
];

/** Do other machines reach the controller? */
export const listensFar = ({ listen }: Pick<Settings, 'listen'>): boolean =>
  listen !== undefined && !/^(127\.|localhost:|\[::1\]:)/.test(listen);

export function agentArguments(layout: Layout, settings: AgentSettings & { controller?: string }): string[] {
  const { libvirt, cache, pki, controller } = settings;
  const socket = libvirtSocket(libvirt);
  return [
    '--state',
    layout.state,
    ...(socket ? ['--libvirt', socket] : []),
    ...(cache ? ['--cache', cache] : []),
    ...(pki ? ['--pki', pki] : []),
    ...(controller ? ['--api', controller, '--leave-by', commandPath()] : []),
  ];
}

/** The agent is on every node and mostly idle: young garbage is collected early, so that it stays small. */
export const environments: Readonly<Record<Daemon, Readonly<Record<string, string>>>> = {
  server: {},
  agent: {
    NODE_OPTIONS: '--max-semi-space-size=1',
    MALLOC_ARENA_MAX: '1',
    // what was used for a moment goes back to the system
    MALLOC_TRIM_THRESHOLD_: '65536',
    MALLOC_MMAP_THRESHOLD_: '65536',
  },
};

/** Programs that the user can run: the originals, or copies in the state folder. */
export function programsFor(owner: Owner, layout: Layout): Programs {
  const originals = { node: process.execPath, server: daemonPath('server'), agent: daemonPath('agent') };
  if (canRun(owner, originals)) return originals;
  if (!originals.server.endsWith('.mjs'))
    throw err('host_unfit', {
      why: `user gantry may not read ${originals.server}`,
      remedy: 'Run the bundle (bin/gantry), or put the sources where every user may read them.',
    });
  return copied(originals, layout);
}

function copied(originals: Programs, layout: Layout): Programs {
  mkdirSync(layout.lib, { recursive: true, mode: 0o755 });
  const copy = (from: string, name: string): string => {
    const to = join(layout.lib, name);
    copyFileSync(from, `${to}.new`);
    chmodSync(`${to}.new`, 0o755);
    renameSync(`${to}.new`, to);
    return to;
  };
  return {
    node: copy(originals.node, 'node'),
    server: copy(originals.server, 'server.mjs'),
    agent: copy(originals.agent, 'agent.mjs'),
  };
}

/** Tried, not guessed: every folder on the way must let the user through. */
function canRun(owner: Owner, { node, server }: Programs): boolean {
  const script = 'require("fs").accessSync(process.argv[1], 4)';
  return spawnSync(node, ['-e', script, server], { ...owner, cwd: '/', stdio: 'ignore' }).status === 0;
}

export const daemons: readonly Daemon[] = ['server', 'agent'];
