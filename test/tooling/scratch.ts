import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';

export const checkout = resolve(import.meta.dirname, '../..');

/** A folder that lives as long as the test, with copies of the named paths of the checkout and with `files`. */
export function scratch(copies: readonly string[], files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-tooling-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const path of copies) cpSync(join(checkout, path), join(dir, path), { recursive: true });
  for (const [path, text] of Object.entries(files)) write(dir, path, text);
  return dir;
}

/** Writes one file below `dir`, making its folders. */
export function write(dir: string, path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), text);
}

/** Makes node_modules/@gantry/NAME a link to packages/NAME, as npm does for workspaces. */
export function linkWorkspaces(dir: string, names: readonly string[]): void {
  mkdirSync(join(dir, 'node_modules/@gantry'), { recursive: true });
  for (const name of names) symlinkSync(join(dir, 'packages', name), join(dir, 'node_modules/@gantry', name));
}

/** Runs a command in `dir` with the checkout's tools in PATH. */
export function run(dir: string, command: string, args: readonly string[] = []) {
  const path = `${join(checkout, 'node_modules/.bin')}:${process.env['PATH']}`;
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: dir,
    encoding: 'utf8',
    env: { ...process.env, PATH: path },
  });
  return { status, stdout, stderr };
}
