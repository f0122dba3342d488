import { expect, test } from 'vitest';
import { run, scratch, write } from './scratch.ts';

const list = 'tools/long-files.txt';
const long = 'const x = 1;\n'.repeat(301);
const check = (dir: string) => run(dir, 'node', ['tools/check-file-length.mjs']);
const workspace = (files: Record<string, string>) =>
  scratch(['tools/check-file-length.mjs'], { [list]: '', ...files });

test('passes files of 300 lines, tests and generated files of any length', () => {
  const short = 'const x = 1;\n'.repeat(300);
  const dir = workspace({
    'packages/a/src/a.ts': short,
    'packages/a/src/a.test.ts': long,
    'packages/a/src/b.gen.ts': long,
    'test/integration/a.test.ts': long,
  });
  expect(check(dir)).toMatchObject({ status: 0, stderr: '' });
});

test.each([
  'packages/a/src/a.ts',
  'test/lab/node.ts',
  'bench/b.ts',
  'script/long',
  'bin/long',
  'tools/long.mjs',
])('finds a long file: %s', (file) => {
  const { status, stderr } = check(workspace({ [file]: long }));
  expect(stderr).toBe(`${file} has 301 lines, more than 300: cut it, or list it in ${list} with a reason\n`);
  expect(status).toBe(1);
});

test('passes a listed file, and no longer once it is short', () => {
  const dir = workspace({ 'packages/a/src/a.ts': long, [list]: '# why\npackages/a/src/a.ts  a table\n' });
  expect(check(dir)).toMatchObject({ status: 0, stderr: '' });
  write(dir, 'packages/a/src/a.ts', 'const x = 1;\n');
  expect(check(dir)).toMatchObject({ status: 1, stderr: expect.stringContaining('take it out of') });
});

test('wants a reason', () => {
  const dir = workspace({ 'packages/a/src/a.ts': long, [list]: 'packages/a/src/a.ts\n' });
  expect(check(dir)).toMatchObject({ status: 1, stderr: expect.stringContaining('file reason') });
});
