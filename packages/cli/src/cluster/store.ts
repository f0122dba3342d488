/**
 * The store of a new cluster, made by the controller's own user. Its tokens are told once: so it is made aside, the
 * tokens are kept, and only then it becomes the controller's folder by one rename. A crash before that begins anew.
 */
import { spawn } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { err } from '@gantry/model';
import type { Programs } from './daemons.ts';
import { ensureFolder, type Owner, syncFolder, writeDurably } from './files.ts';
import type { Layout, Settings } from './layout.ts';

interface Made {
  cluster: string;
  adminToken: string;
  agentToken: string;
}

export const storeExists = (layout: Layout): boolean => existsSync(join(layout.controller, 'store.db'));

/** Makes it unless it is there. */
export async function ensureStore(
  layout: Layout,
  settings: Settings,
  owner: Owner,
  programs: Programs,
): Promise<void> {
  if (storeExists(layout)) return;
  rmSync(layout.draft, { recursive: true, force: true });
  ensureFolder(layout.draft, owner, 0o700);
  const made = await makeStore(layout, settings, owner, programs);
  writeDurably(layout.adminToken, `${made.adminToken}\n`, 0o600);
  writeDurably(layout.agentToken, `${made.agentToken}\n`, 0o600);
  renameSync(join(layout.draft, 'controller'), layout.controller);
  syncFolder(layout.state);
  rmSync(layout.draft, { recursive: true, force: true });
}

async function makeStore(
  layout: Layout,
  settings: Settings,
  owner: Owner,
  { node, server }: Programs,
): Promise<Made> {
  const options = {
    name: settings.name,
    node: settings.node,
    network: { name: 'default', mode: 'nat', bridge: settings.bridge, subnet: { cidr: settings.subnet } },
  };
  const child = spawn(node, [server, 'init', '--state', layout.draft], { ...owner, cwd: '/', stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(options));
  const ended = new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  );
  const [out, said, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code === 0) return JSON.parse(out) as Made;
  const why = said.trim().replace(/^error: /, '') || `it ended with ${code}`;
  throw err('host_unfit', {
    why: `the store could not be made: ${why}`,
    remedy: 'Correct it and repeat the command.',
  });
}
