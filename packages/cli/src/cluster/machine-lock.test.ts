import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { layoutOf } from './layout.ts';
import { alone, lockFile } from './machine-lock.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const layout = () => layoutOf(join(dir, 'state'));

/** Another process that holds it until it is killed, or does this with it. */
async function holder(then = 'new Promise(() => { setInterval(() => {}, 1000); })') {
  const script = `import { alone } from ${JSON.stringify(new URL('machine-lock.ts', import.meta.url).href)};
    await alone(${JSON.stringify(layout())}, () => { console.log('held'); return ${then}; });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

test('two commands at once: the second is refused, and goes when the first was killed', async () => {
  const child = await holder();
  await expect(alone(layout(), async () => 1, 50)).rejects.toMatchObject({ code: 'machine_busy' });
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(await alone(layout(), async () => 1, 50)).toBe(1);
  expect(await alone(layout(), async () => 2, 50)).toBe(2);
});

test('what fails lets it go, and only root can open it', async () => {
  await expect(alone(layout(), () => Promise.reject(new Error('full')))).rejects.toThrow('full');
  expect(await alone(layout(), async () => 1, 50)).toBe(1);
  expect(statSync(lockFile(layout())).mode & 0o777).toBe(0o600);
});

test('the folder can be removed while it is held: nothing lies beside it', async () => {
  await alone(layout(), async () => {
    rmSync(lockFile(layout()));
    rmdirSync(layout().state);
  });
  expect(existsSync(layout().state)).toBe(false);
});

test('who waited for one that removed the folder does not hold a file that is gone', async () => {
  // long enough that the other waits for it by then; if it does not, it simply finds a new one
  const remove = `new Promise((done) => setTimeout(() => { process.getBuiltinModule('node:fs').rmSync(
    ${JSON.stringify(layout().state)}, { recursive: true }); done(); }, 500))`;
  const child = await holder(remove);
  const ended = once(child, 'close');
  await alone(
    layout(),
    async () => {
      expect(existsSync(lockFile(layout()))).toBe(true);
      await expect(alone(layout(), async () => 1, 50)).rejects.toMatchObject({ code: 'machine_busy' });
    },
    60_000,
  );
  await ended;
});
