/** Where the cluster of this machine keeps what, under its state folder. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err } from '@gantry/model';
import { ensureFolder, type Owner, writeDurably } from './files.ts';

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
  /** What machines are given to become nodes. */
  release: string;
  /** Of a machine that joined another's cluster, in place of `settings`. */
  nodeSettings: string;
  /** Keys and certificates of such a machine. */
  identity: string;
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
  release: join(state, 'release'),
  nodeSettings: join(state, 'node.json'),
  identity: join(state, 'agent', 'identity.json'),
});

export type Mode = 'systemd' | 'detached' | 'foreground';

/** How the agent of this machine is run. */
export interface AgentSettings {
  node: string;
  mode: Mode;
  libvirt?: string;
  cache?: string;
  /** In the layout of /etc/pki: certificates for libvirt and QEMU. */
  pki?: string;
  /** All steps of making it are done. */
  complete: boolean;
}

/** What was chosen at `cluster init`; kept so that a start needs no options. */
export interface Settings extends AgentSettings {
  name: string;
  /** The cluster's own; there once it is complete. */
  id?: string;
  /** `cluster destroy` has emptied it: what is left is on this machine. */
  destroying?: boolean;
  bridge: string;
  subnet: string;
  listen?: string;
  /** Names and addresses by which other machines reach the controller, if not by `listen`. */
  advertise?: readonly string[];
}

export const writeSettings = (layout: Layout, settings: Settings): void =>
  writeDurably(layout.settings, `${JSON.stringify(settings, null, 2)}\n`, 0o644);

/** Of a machine that joined another's cluster: the agent alone runs here. */
export interface NodeSettings extends AgentSettings {
  /** `https://HOST:PORT` of the controller. */
  controller: string;
}

/** Undefined when there is no cluster, or none whose making came so far. */
export const readSettings = (layout: Layout): Settings | undefined => read<Settings>(layout.settings);

/** @throws GantryError `host_unfit` where no cluster was made */
export function settingsOf(layout: Layout): Settings {
  const settings = readSettings(layout);
  if (settings) return settings;
  throw err('host_unfit', {
    why: `there is no cluster in ${layout.state}`,
    remedy: 'Make one with `gantry cluster init`, or name its folder with --state.',
  });
}

/** Undefined on a machine that joined no cluster. */
export const readNodeSettings = (layout: Layout): NodeSettings | undefined =>
  read<NodeSettings>(layout.nodeSettings);

function read<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

const ROOT: Owner = { uid: 0, gid: 0 };

/** The controller may write its own folder and its socket, and nothing else. Sticky: it cannot replace root's pid files. */
export function makeFolders(layout: Layout, owner: Owner): void {
  const shared: Owner = { uid: 0, gid: owner.gid };
  ensureFolder(layout.state, ROOT, 0o755);
  ensureFolder(layout.agent, ROOT, 0o711);
  ensureFolder(layout.run, shared, 0o1775);
  ensureFolder(layout.log, shared, 0o750);
}

/** Ids of the clusters that this machine has something of: its own, or those that disks here belong to. */
export function clustersHere(layout: Layout): string[] {
  const { id } = readSettings(layout) ?? {};
  return id === undefined ? foldersIn(join(layout.agent, 'storage')) : [id];
}

/** STATE/agent/storage/CLUSTER/disks. */
function foldersIn(path: string): string[] {
  try {
    return readdirSync(path).filter((name) => /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name));
  } catch {
    return [];
  }
}
