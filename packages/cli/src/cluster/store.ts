/**
 * The store of a new cluster, made by the controller's own user. Its tokens are told once: so it is made aside, the
 * tokens are kept, and only then it becomes the controller's folder by one rename. A crash before that begins anew.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Programs } from './daemons.ts';
import { ensureFolder, type Owner, syncFolder, writeDurably } from './files.ts';
import type { Layout, Settings } from './layout.ts';
import { serverVerb } from './server-verb.ts';

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

const makeStore = (layout: Layout, settings: Settings, owner: Owner, programs: Programs): Promise<Made> =>
  serverVerb(programs, owner, {
    verb: 'init',
    state: layout.draft,
    failed: 'the store could not be made',
    input: JSON.stringify({
      name: settings.name,
      node: settings.node,
      network: {
        name: 'default',
        mode: 'nat',
        bridge: settings.bridge,
        subnet: { cidr: settings.subnet },
      },
    }),
  });
