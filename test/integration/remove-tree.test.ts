/** What a command leaves of a folder that has mounted file systems in it, in a mount namespace of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { succeed } from '../lab/run.ts';

const files = new URL('../../packages/cli/src/cluster/files.ts', import.meta.url).href;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tree-'));
});
afterAll(() => rm(dir, { recursive: true }));

test('mounted file systems are emptied and stay; all else goes', async () => {
  const remove = `import { removeTree } from '${files}'; removeTree(process.argv[1]); removeTree(process.argv[1]);`;
  const script = `set -e; cd "$2"
    mkdir -p agent/storage agent/guests/a "agent/with blank" agent/zone; touch agent/journal.json agent/zone/file
    mkdir elsewhere; mount -t tmpfs tmpfs elsewhere; touch elsewhere/kept; ln -s "$PWD/elsewhere" agent/link
    mount -t tmpfs tmpfs agent/storage; mkdir -p agent/storage/cluster/disks agent/storage/deep
    touch agent/storage/cluster/disks/x agent/storage/.mark
    mount -t tmpfs tmpfs 'agent/with blank'; touch 'agent/with blank/z'
    mount -t tmpfs tmpfs agent/storage/deep; touch agent/storage/deep/y
    "$0" --input-type=module -e "$1" "$PWD/agent"
    find agent elsewhere | sort`;
  const argv = ['unshare', '--mount', 'sh', '-c', script, process.execPath, remove, dir];
  const stdout = await succeed(argv);
  expect(stdout.trim().split('\n')).toEqual([
    'agent',
    'agent/storage',
    'agent/storage/deep',
    'agent/with blank',
    'elsewhere',
    'elsewhere/kept',
  ]);
});
