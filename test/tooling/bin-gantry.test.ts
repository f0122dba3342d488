import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkout, run, scratch, write } from './scratch.ts';

const main = 'packages/cli/src/main.ts';
const say = (text: string) =>
  `console.log(${JSON.stringify(text)}, process.version, ...process.argv.slice(2));\n`;

/** A checkout with a command of one line. */
function workspace(files: Record<string, string> = {}): string {
  const copies = ['package.json', 'package-lock.json', 'tsconfig.json', 'tools/bundle.mjs', 'bin/gantry'];
  const dir = scratch(copies, { 'packages/cli/package.json': '{}', [main]: say('one'), ...files });
  symlinkSync(join(checkout, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}
const gantry = (dir: string, ...args: string[]) => run('/', join(dir, 'bin/gantry'), args);
const start = async (command: string) => (await promisify(execFile)(command)).stdout;
const build = (dir: string) => readlinkSync(join(dir, 'out/bundle'));

describe('bin/gantry', () => {
  test('runs under Node 24 from any folder, through links, with its arguments as they are', () => {
    const dir = workspace();
    mkdirSync(join(dir, 'elsewhere'));
    symlinkSync(join(dir, 'bin/gantry'), join(dir, 'first'));
    symlinkSync('../first', join(dir, 'elsewhere/second'));
    const { status, stdout, stderr } = run('/', join(dir, 'elsewhere/second'), ['a b', '', '--x', '$HOME']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toBe(`one ${process.version} a b  --x $HOME\n`);
  });

  test('bundles again after a source was changed, added or removed, else not', () => {
    const dir = workspace({ 'packages/model/src/a.ts': 'export {};\n' });
    expect(gantry(dir).stdout).toMatch(/^one/);
    let before = build(dir);
    expect(gantry(dir).stdout).toMatch(/^one/);
    expect(build(dir)).toBe(before);
    const changes = [
      () => write(dir, main, say('two')),
      () => write(dir, 'packages/model/src/b.ts', 'export {};\n'),
      () => rmSync(join(dir, 'packages/model/src/a.ts')),
    ];
    for (const change of changes) {
      change();
      gantry(dir);
      expect(build(dir)).not.toBe(before);
      before = build(dir);
    }
    expect(gantry(dir).stdout).toMatch(/^two/);
  });

  test('refuses to run a stale bundle when the sources do not bundle', () => {
    const dir = workspace();
    gantry(dir);
    write(dir, main, "import { absent } from './absent.ts';\nabsent();\n");
    const { status, stdout, stderr } = gantry(dir);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('error: the gantry command cannot be bundled');
    expect(readdirSync(join(dir, 'out/builds'))).toHaveLength(1);
  });

  test('keeps the daemons out of the command and runs them from beside it', () => {
    const dir = workspace({
      'packages/controller/src/main.ts': "console.log('the server');\n",
      'packages/agent/src/main.ts': "console.log('the agent', (await import('./late.ts')).late);\n",
      'packages/agent/src/late.ts': "export const late = 'loads late';\n",
      'packages/cli/src/commands/daemon.ts':
        "export const server = () => import('./server.mjs');\nexport const agent = () => import('./agent.mjs');\n",
      [main]: "import * as daemon from './commands/daemon.ts';\nawait daemon[process.argv[2]]();\n",
    });
    expect(gantry(dir, 'server').stdout).toBe('the server\n');
    expect(gantry(dir, 'agent').stdout).toBe('the agent loads late\n');
    const modules = readdirSync(join(dir, 'out/bundle')).filter((name) => name.endsWith('.mjs'));
    const start = expect.stringMatching(/^cli-start-/);
    expect(modules.sort()).toEqual(['agent.mjs', start, 'cli.mjs', 'gantry.mjs', 'server.mjs']);
    for (const name of modules.filter((each) => each.startsWith('cli')))
      expect(readFileSync(join(dir, 'out/bundle', name), 'utf8')).not.toContain('the server');
  });

  test('a release, which has no sources, runs what it has', () => {
    const dir = workspace();
    gantry(dir);
    const before = build(dir);
    rmSync(join(dir, 'packages'), { recursive: true });
    expect(gantry(dir).stdout).toMatch(/^one/);
    expect(build(dir)).toBe(before);
  });

  test('says what to do when there is no Node', () => {
    const dir = workspace();
    rmSync(join(dir, 'node_modules'));
    const { status, stderr } = gantry(dir);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: Node 24 is not installed in .*\n {2}run .*script\/setup first\n$/);
    expect(existsSync(join(dir, 'out'))).toBe(false);
  });
});

test('commands that start at once make one bundle and all run', async () => {
  const dir = workspace();
  const runs = Array.from({ length: 6 }, () => start(join(dir, 'bin/gantry')));
  expect(await Promise.all(runs)).toEqual(Array.from({ length: 6 }, () => `one ${process.version}\n`));
  expect(readdirSync(join(dir, 'out/builds'))).toHaveLength(1);
});
