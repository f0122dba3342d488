/** What a new machine is given: this very release with its Node, and the script of the join line. */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { err } from '@gantry/model';
import { daemonPath } from '../hand-over.ts';
import { ensureFolder, writeDurably } from './files.ts';
import type { Layout } from './layout.ts';
import { run } from './programs.ts';

const ROOT = { uid: 0, gid: 0 };
const INSTALLED = ['bin/gantry', 'LICENSE', 'script/join.sh', 'script/lib/packages'];

/** Packs it unless that was done for this build. @throws GantryError `host_unfit` when run from sources */
export async function ensureRelease(layout: Layout): Promise<void> {
  const bundle = dirname(daemonPath('server'));
  const root = rootOf(bundle);
  const made = join(layout.release, 'made-of');
  if (existsSync(made) && readFileSync(made, 'utf8') === bundle) return;
  ensureFolder(layout.release, ROOT, 0o755);
  rmSync(made, { force: true });
  const draft = join(layout.release, 'release.tar.new');
  await run('tar', tarArguments(draft, root, bundle), 'Free space there, then repeat the command.');
  await copyFile(join(root, 'script/join.sh'), join(layout.release, 'join.sh'));
  renameSync(draft, join(layout.release, 'release.tar'));
  writeDurably(made, bundle, 0o644);
}

/** The same tree as a checkout's, with the bundle at its usual place and Node in lib. */
const tarArguments = (file: string, root: string, bundle: string): string[] => [
  ...['--create', '--file', file, '--owner=0', '--group=0', '--sort=name', '--exclude=./compiled'],
  ...['--transform', 's,^[.]/,out/bundle/,', '--transform', 's,^node$,lib/node,'],
  ...['--directory', root, ...INSTALLED],
  ...['--directory', bundle, '.'],
  ...['--directory', dirname(process.execPath), 'node'],
];

/** The folder above the bundle that has the command. */
function rootOf(bundle: string): string {
  for (let at = bundle; at !== dirname(at); at = dirname(at))
    if (existsSync(join(at, 'bin/gantry')) && !daemonPath('server').endsWith('.ts')) return at;
  throw err('host_unfit', {
    why: 'a release can be made of a bundle only, not of sources',
    remedy: 'Run bin/gantry.',
  });
}
