/** Where the cluster of this machine keeps what, under its state folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Layout {
  state: string;
  /** The controller's alone. */
  controller: string;
  /** The agent's alone. */
  agent: string;
  run: string;
  log: string;
  /** Copies of the programs, where the controller's user cannot read the originals. */
  lib: string;
  /** A store in the making; it becomes `controller` by one rename. */
  draft: string;
  socket: string;
  adminToken: string;
  agentToken: string;
  settings: string;
}

export const layoutOf = (state: string): Layout => ({
  state,
  controller: join(state, 'controller'),
  agent: join(state, 'agent'),
  run: join(state, 'run'),
  log: join(state, 'log'),
  lib: join(state, 'lib'),
  draft: join(state, 'init'),
  socket: join(state, 'run', 'api.sock'),
  adminToken: join(state, 'admin-token'),
  agentToken: join(state, 'agent', 'token'),
  settings: join(state, 'cluster.json'),
});

export type Mode = 'systemd' | 'detached' | 'foreground';

/** What was chosen at `cluster init`; kept so that a start needs no options. */
export interface Settings {
  name: string;
  node: string;
  mode: Mode;
  bridge: string;
  subnet: string;
  listen?: string;
  libvirt?: string;
  cache?: string;
  /** All steps of `cluster init` are done. */
  complete: boolean;
}

/** Undefined when there is no cluster, or none whose making came so far. */
export function readSettings(layout: Layout): Settings | undefined {
  try {
    return JSON.parse(readFileSync(layout.settings, 'utf8')) as Settings;
  } catch {
    return undefined;
  }
}
