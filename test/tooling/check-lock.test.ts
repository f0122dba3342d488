import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, scratch } from './scratch.ts';

interface Lock {
  packages: Record<string, Record<string, unknown>>;
}

const manifest = { name: 'w', version: '1.0.0', dependencies: { a: '2.0.0' } };
const lock = (): Lock => ({
  packages: {
    '': manifest,
    'node_modules/a': {
      version: '2.0.0',
      integrity: 'sha512-x',
      dependencies: { b: '1' },
      optionalDependencies: { 'c-darwin-arm64': '3.0.0', 'c-linux-x64-musl': '3.0.0' },
    },
    'node_modules/a/node_modules/b': { version: '1.0.0', integrity: 'sha512-y' },
    'node_modules/c-darwin-arm64': { version: '3.0.0', os: ['darwin'], cpu: ['arm64'], optional: true },
    'node_modules/c-linux-x64-musl': {
      version: '3.0.0',
      os: ['linux'],
      cpu: ['x64'],
      libc: ['musl'],
      optional: true,
    },
  },
});
const entry = ({ packages }: Lock, at: string): Record<string, unknown> => {
  const found = packages[at];
  if (found === undefined) throw new Error(`no ${at}`);
  return found;
};
const workspace = (content: Lock) =>
  scratch(['tools/check-lock.mjs', 'tools/complete-lock.mjs'], {
    'package.json': JSON.stringify(manifest),
    'package-lock.json': JSON.stringify(content),
  });
const check = (dir: string) => run(dir, 'node', ['tools/check-lock.mjs']);

test('passes a complete lock', () => {
  expect(check(workspace(lock()))).toMatchObject({ status: 0, stderr: '' });
});

const spoiled: [string, (content: Lock) => void, string][] = [
  [
    'an address',
    (l) => Object.assign(entry(l, 'node_modules/a'), { resolved: 'https://x.invalid/' }),
    'a has a resolved',
  ],
  ['a missing hash', (l) => delete entry(l, 'node_modules/a')['integrity'], 'a has no integrity hash'],
  [
    'a missing dependency',
    (l) => delete l.packages['node_modules/a/node_modules/b'],
    'a needs b, which is not locked',
  ],
  [
    'a missing optional package',
    (l) => delete l.packages['node_modules/c-darwin-arm64'],
    'needs c-darwin-arm64',
  ],
  [
    'another manifest',
    (l) => Object.assign(l.packages, { '': { ...manifest, dependencies: {} } }),
    'dependencies differ',
  ],
];
test.each(spoiled)('finds %s', (_, spoil, expected) => {
  const content = lock();
  spoil(content);
  expect(check(workspace(content))).toMatchObject({ status: 1, stderr: expect.stringContaining(expected) });
});

test('complete-lock adds what npm left out, no more', () => {
  const content = lock();
  delete content.packages['node_modules/c-darwin-arm64'];
  delete content.packages['node_modules/c-linux-x64-musl'];
  const dir = workspace(content);
  expect(run(dir, 'node', ['tools/complete-lock.mjs'])).toMatchObject({
    status: 0,
    stdout: '2 entries added\n',
  });
  expect(JSON.parse(readFileSync(join(dir, 'package-lock.json'), 'utf8'))).toEqual(lock());
  expect(run(dir, 'node', ['tools/complete-lock.mjs'])).toMatchObject({
    status: 0,
    stdout: '0 entries added\n',
  });
});

test('every manifest bears the version of the workspace', () => {
  const dir = workspace(lock());
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ ...manifest, version: '1.0.1' }));
  expect(check(dir)).toMatchObject({ status: 1, stderr: expect.stringContaining('version differ') });
});
