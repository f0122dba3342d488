/** A real terminal: a tmux of its own, seen as a person sees it. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { run, succeed } from './run.ts';
import { LIMIT_MS, until } from './wait.ts';

export interface Terminal {
  /** Types text as it is. */
  type(text: string): Promise<void>;
  /** Presses keys by tmux's names: `Enter`, `C-]`, `Tab`. */
  press(...keys: string[]): Promise<void>;
  /** What is to be seen, trailing blanks cut. */
  screen(): Promise<string>;
  /** Waits until the screen shows it. */
  shows(pattern: RegExp, limitMs?: number): Promise<string>;
  close(): Promise<void>;
}

/** Starts `argv` in a terminal of 200 x 50; its socket lies in `dir`. */
export async function openTerminal(
  dir: string,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Terminal> {
  // A server of its own: the one before may be about to end.
  const socket = join(dir, `tmux-${randomUUID().slice(0, 8)}.sock`);
  const tmux = (...words: string[]) => ['tmux', '-S', socket, '-f', '/dev/null', ...words];
  await succeed(tmux('new-session', '-d', '-x', '200', '-y', '50', ...argv), {
    env: { ...env, TERM: 'xterm-256color', TMUX: '' },
  });
  const screen = () => succeed(tmux('capture-pane', '-p'));
  return {
    screen,
    async type(text) {
      await succeed(tmux('send-keys', '-l', '--', text));
    },
    async press(...keys) {
      await succeed(tmux('send-keys', '--', ...keys));
    },
    async shows(pattern, limitMs = LIMIT_MS) {
      let seen = '';
      const look = async () => {
        seen = await screen();
        return pattern.test(seen) && seen;
      };
      return await until(`${pattern} on the terminal`, look, { limitMs }).catch((error: unknown) => {
        throw new Error(`${String(error)}, but:\n${seen}`, { cause: error });
      });
    },
    async close() {
      await run(tmux('kill-server'));
    },
  };
}
