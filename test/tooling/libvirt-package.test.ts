import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../..');

/** The home of a program that has installed the package. */
let dir: string;
let installed: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'libvirt-package-'));
  installed = join(dir, 'node_modules/@gantry/libvirt');
  await mkdir(join(dir, 'node_modules/@types'), { recursive: true });
  await writeFile(join(dir, 'package.json'), '{"type":"module"}');
  await symlink(join(root, 'node_modules/@types/node'), join(dir, 'node_modules/@types/node'));
  await run(process.execPath, [join(root, 'tools/pack-libvirt.mjs'), installed]);
});

afterAll(() => rm(dir, { recursive: true }));

test('holds what it says and nothing of Gantry’s', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json'], { cwd: installed });
  const [packed] = JSON.parse(stdout) as [{ name: string; files: { path: string }[] }];
  const paths = packed.files.map(({ path }) => path);
  expect(packed.name).toBe('@gantry/libvirt');
  for (const part of ['LICENSE', 'README.md', 'docs/calls.md', 'dist/index.js', 'dist/index.d.ts'])
    expect(paths).toContain(part);
  expect(paths.filter((path) => /test\.|(?<!\.d)\.ts$/.test(path))).toEqual([]);
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as object;
  expect(manifest).toMatchObject({ license: 'Apache-2.0', engines: { node: '>=24' }, dependencies: {} });
  expect(manifest).not.toHaveProperty('private');
});

const PROGRAM = `
import { connect, isNotFound, type LibvirtClient } from '@gantry/libvirt';
import { startFakeLibvirtd } from '@gantry/libvirt/testing';

const fake = await startFakeLibvirtd('SOCKET');
fake.on('connectGetLibVersion', () => 9_000_000);
const lv: LibvirtClient = await connect('qemu:///system', { socket: 'SOCKET' });
const version: number | bigint = await lv.connectGetLibVersion();
console.log(version, isNotFound(undefined));
await lv.close();
await fake.stop();
`;

test('serves a program that is typed and one that runs', async () => {
  const path = join(dir, 'program.ts');
  await writeFile(path, PROGRAM.replaceAll('SOCKET', join(dir, 's')));
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024'];
  await run(
    join(root, 'node_modules/.bin/tsc'),
    [...options, '--lib', 'es2024,esnext.disposable', '--types', 'node', path],
    { cwd: dir },
  );
  expect((await run(process.execPath, [path], { cwd: dir })).stdout).toMatch(/^9000000n? false\n$/);
});
