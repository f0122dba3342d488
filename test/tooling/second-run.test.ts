import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkout, run, scratch } from './scratch.ts';

const head = `import { existsSync, writeFileSync } from 'node:fs';\nimport { expect, test } from 'vitest';\n`;
const whole = `${head}test('right', () => {});\n`;
const wrong = `${head}test('wrong', () => { expect(1, 'one').toBe(2); });\n`;
/** Whole from its second run on. */
const unsteady = (name: string) => `${head}
test('before', () => {});
test('sometimes', () => {
  const again = existsSync('${name}.ran');
  writeFileSync('${name}.ran', '');
  expect(again, 'not the second run').toBe(true);
});
`;

/** The stage of script/test, over these files as its unit tests. */
function staged(files: Record<string, string>, once = 0) {
  const dir = scratch(['tools/test-report.ts', 'script/lib/'], {
    'vitest.config.mjs': `export default { test: { projects: [{ test: { name: 'unit', isolate: false, maxWorkers: 1 } }] } };\n`,
    ...files,
  });
  symlinkSync(join(checkout, 'node_modules'), join(dir, 'node_modules'));
  const script = `ROOT=$PWD once=${once}; . script/lib/stages.sh; stage unit tests unit; summary`;
  const { status, stdout } = run(dir, 'bash', ['-euc', script]);
  return { status, stdout, closing: stdout.slice(stdout.indexOf('script/test: 0 checks')) };
}

test('a file that is whole in its second run is told as unsteady, and counted once', () => {
  const { status, stdout, closing } = staged({ 'a.test.ts': whole, 'b.test.ts': unsteady('b') });
  expect([status, stdout]).toEqual([
    0,
    expect.stringMatching(/^script\/test: once more, alone: b[.]test[.]ts$/m),
  ]);
  expect(closing).toMatch(/1 test stages, \d+ s; failed: none\ntests: 3 passed, 0 failed, 0 skipped\n/);
  expect(closing).toMatch(/^UNSTEADY .* unit b[.]test[.]ts:8 sometimes\n {5}not the second run: /m);
});

test('one that fails again is a failure, told once', () => {
  const { status, closing } = staged({ 'a.test.ts': wrong, 'b.test.ts': unsteady('b') });
  expect(status).toBe(1);
  expect(closing).toMatch(/failed: unit\ntests: 2 passed, 1 failed, 0 skipped\n/);
  expect(closing.match(/FAIL unit a[.]test[.]ts:3 wrong\n {5}one/g)).toHaveLength(1);
  expect(closing).toMatch(/^UNSTEADY .* unit b[.]test[.]ts/m);
});

test('three files that fail are no accident, and --once takes none for one', () => {
  const three = { 'a.test.ts': unsteady('a'), 'b.test.ts': unsteady('b'), 'c.test.ts': unsteady('c') };
  expect(staged(three)).toMatchObject({ status: 1, stdout: expect.not.stringContaining('once more') });
  const { status, closing } = staged({ 'a.test.ts': unsteady('a') }, 1);
  expect([status, closing]).toEqual([1, expect.stringMatching(/^FAIL unit a[.]test[.]ts:8 sometimes$/m)]);
});
