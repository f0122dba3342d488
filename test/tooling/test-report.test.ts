import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkout, run, scratch } from './scratch.ts';

/** Runs them with the reporter: what it wrote, and what script/test says of it. */
function reported(files: Record<string, string>) {
  const dir = scratch(['tools/test-report.ts', 'script/lib'], {
    'vitest.config.mjs': 'export default { test: { isolate: false, maxWorkers: 1 } };\n',
    ...files,
  });
  symlinkSync(join(checkout, 'node_modules'), join(dir, 'node_modules'));
  const file = join(dir, 'integration.json');
  run(dir, 'env', [`TEST_REPORT=${file}`, 'vitest', 'run', '--reporter=./tools/test-report.ts']);
  const { stdout } = run(dir, 'node', ['script/lib/summary.mjs', file]);
  return { report: JSON.parse(readFileSync(file, 'utf8')), lines: stdout.trimEnd().split('\n') };
}

const use = `import { afterAll, beforeAll, describe, expect, test } from 'vitest';\n`;

test('says of each failure where it is and why, causes too', () => {
  const { report, lines } = reported({
    'a.test.ts': `${use}
test('right', () => {});
test.runIf(false)('left out', () => {});
describe('guests', () => {
  test('wrong', () => { expect(1, 'one\\nmore').toBe(2); });
});
test('in vain', () => { throw new Error('the guest: not within 5 ms', { cause: new Error('no answer') }); });
`,
  });
  expect(report).toMatchObject({
    files: [{ file: 'a.test.ts', passed: 1, failed: 2, skipped: 1 }],
    outside: [],
  });
  expect(lines).toEqual([
    '1 2 1',
    expect.stringMatching(/^slowest of integration: a[.]test[.]ts \d+ s$/),
    'FAIL integration a.test.ts:6 guests > wrong',
    '     one',
    'FAIL integration a.test.ts:8 in vain',
    '     the guest: not within 5 ms',
    '     because: no answer',
  ]);
});

test('says what fails outside of tests: hooks, imports, what nobody waits for', () => {
  const { lines } = reported({
    'before.test.ts': `${use}beforeAll(() => { throw new Error('no cluster'); }); test('a', () => {});`,
    'group.test.ts': `${use}describe('b', () => { afterAll(() => { throw new Error('left'); }); test('c', () => {}); });`,
    'import.test.ts': `import './none.ts';\n`,
    'lost.test.ts': `${use}test('d', async () => {
  setTimeout(() => { throw new Error('lost'); }, 1);
  await new Promise((done) => setTimeout(done, 100));
});`,
  });
  expect(lines[0]).toBe('2 0 1');
  const said = lines.join('\n');
  expect(said).toContain('FAIL integration before.test.ts:2\n     no cluster');
  expect(said).toContain('FAIL integration group.test.ts:2 b\n     left');
  expect(said).toMatch(/FAIL integration import[.]test[.]ts.*\n {5}.*none[.]ts/);
  expect(said).toContain('FAIL integration lost.test.ts outside of any test\n     lost');
});
