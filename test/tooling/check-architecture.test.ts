import { describe, expect, test } from 'vitest';
import { linkWorkspaces, run, scratch, write } from './scratch.ts';

const manifest = (name: string) =>
  JSON.stringify({ name: `@gantry/${name}`, type: 'module', exports: { '.': './src/index.ts' } });

function workspace(): string {
  const names = ['model', 'guest', 'controller', 'cli'];
  const files = Object.fromEntries(
    names.flatMap((name) => [
      [`packages/${name}/package.json`, manifest(name)],
      [`packages/${name}/src/index.ts`, 'export const one: number = 1;\n'],
    ]),
  );
  const dir = scratch(['.dependency-cruiser.mjs', 'tools/check-architecture.mjs'], files);
  write(
    dir,
    'packages/cli/src/main.ts',
    "import type { one } from '@gantry/model';\nexport type One = typeof one;\n",
  );
  linkWorkspaces(dir, names);
  return dir;
}
const check = (dir: string) => run(dir, 'node', ['tools/check-architecture.mjs']);

describe('check-architecture', () => {
  test('passes a workspace that keeps the rules', () => {
    const { status, stdout, stderr } = check(workspace());
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe('5 modules, 1 dependencies, 0 problems\n');
  });

  test.each([
    ['a pure package that reads files', 'guest', "import 'node:fs';", /pure-packages-touch-nothing: .*guest/],
    ['an import upward', 'cli', "import '@gantry/controller';", /cli-imports-only-.*controller/],
    [
      'a type import upward',
      'model',
      "import type { one } from '@gantry/guest';",
      /model-imports-only-nothing/,
    ],
    ['a way past the door', 'cli', "import '../../model/src/inner.ts';", /no-deep-imports: .*inner/],
    ['a missing module', 'cli', "import './absent.ts';", /absent[.]ts, which is not found/],
    ['a cycle', 'cli', "import './main.ts';\nimport './peer.ts';", /no-cycles: .*\n.*via/],
  ])('finds %s', (_, name, line, expected) => {
    const dir = workspace();
    write(dir, 'packages/model/src/inner.ts', 'export const inner = 1;\n');
    write(dir, 'packages/cli/src/peer.ts', "import './index.ts';\n");
    write(dir, `packages/${name}/src/index.ts`, `${line}\nexport const one: number = 1;\n`);
    const { status, stderr } = check(dir);
    expect(stderr).toMatch(expected);
    expect(status).toBe(1);
  });

  test('is not content with a cruise that saw nothing', () => {
    const dir = workspace();
    write(
      dir,
      '.dependency-cruiser.mjs',
      'export default { forbidden: [], options: { exclude: { path: "." } } };\n',
    );
    const { status, stderr } = check(dir);
    expect(stderr).toContain('packages/model/src/index.ts was not looked at');
    expect(stderr).toContain('no modules were found');
    expect(status).toBe(1);
  });
});
