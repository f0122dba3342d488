/** The process itself: its streams may be closed, or have no room. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/** With that stream going nowhere: to a pipe whose reader is gone, or to a full disk. */
async function gantry(
  words: string[],
  { broken, to }: { broken: 'stdout' | 'stderr'; to: 'pipe' | '/dev/full' },
): Promise<{ code: number | null; said: string }> {
  const full = to === '/dev/full' ? openSync(to, 'w') : undefined;
  const at = full ?? ('pipe' as const);
  const child = spawn(process.execPath, [main, ...words], {
    stdio: ['ignore', broken === 'stdout' ? at : 'pipe', broken === 'stderr' ? at : 'pipe'],
  });
  if (full !== undefined) closeSync(full);
  child[broken]?.destroy();
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const other = broken === 'stdout' ? child.stderr : child.stdout;
  return { said: other ? await text(other) : '', code: await ended };
}

test('messages that nobody can read change nothing of the command', async () => {
  expect(await gantry(['instance', 'list', '--bogus'], { broken: 'stderr', to: 'pipe' })).toEqual({
    code: 2,
    said: '',
  });
  expect((await gantry(['instance', 'list', '--bogus'], { broken: 'stderr', to: '/dev/full' })).code).toBe(2);
});

test('a reader that goes away ends the command silently; a full disk is told', async () => {
  expect(await gantry(['help'], { broken: 'stdout', to: 'pipe' })).toEqual({ code: 0, said: '' });
  const full = await gantry(['help'], { broken: 'stdout', to: '/dev/full' });
  expect(full.said).toMatch(/^error: no space left on standard output +\[no_space\]\n/);
  expect(full.code).toBe(6);
});
