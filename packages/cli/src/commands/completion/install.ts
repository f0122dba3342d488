import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { places, type Shell, shells } from '../../completion/scripts.ts';
import type { Verb } from '../../verb.ts';

export const completionInstall: Verb = {
  words: 'completion install',
  summary: 'put the completion scripts where bash, zsh and fish load them by themselves',
  details: 'As root for everyone, else for the user alone.',
  flags: [
    { flags: '--shell <shell>', description: 'only this shell', choices: Object.keys(shells), many: true },
  ],
  examples: ['gantry completion install', 'gantry completion install --shell zsh'],
  async run(session, given) {
    const wanted = given.all('shell');
    const home = session.io.env['HOME'] ?? homedir();
    const isRoot = process.getuid?.() === 0;
    for (const shell of Object.keys(shells) as Shell[]) {
      if (wanted.length > 0 && !wanted.includes(shell)) continue;
      const path = isRoot ? places[shell].system : places[shell].user(home);
      session.note(`${shell}: ${put(path, shells[shell]) ? 'written' : 'is there already'}: ${path}`);
      if (shell === 'zsh' && !isRoot)
        session.note(`zsh: add to ~/.zshrc before compinit: fpath=(${dirname(path)} $fpath)`);
    }
  },
};

/** Whole or not at all. False when it was there as it is. */
export function put(path: string, text: string): boolean {
  try {
    if (readFileSync(path, 'utf8') === text) return false;
  } catch {
    // not there yet
  }
  const draft = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(draft, text, { mode: 0o644 });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return true;
}
