/** Errors as people read them: what and why with the code at the right, what to do, the request's id. */

import type { ApiError } from '@gantry/client';
import { err, type GantryError, isGantryError, type Problem } from '@gantry/model';
import { CommanderError } from 'commander';
import { type Io, styleOf } from './io.ts';
import { printable } from './output/printable.ts';

/** Where the code stands, if the message leaves room. */
const CODE_COLUMN = 100;

/** The error that a thrown value stands for. */
export function asGantryError(error: unknown): GantryError {
  if (isGantryError(error)) return error;
  if (error instanceof CommanderError) return err('usage', { what: error.message.replace(/^error: /, '') });
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return err('internal', { why }, error);
}

/** Lines of a refusal. */
export function errorText(
  error: GantryError,
  bold: (text: string) => string = (text) => text,
  hint = error.hint,
): string {
  const { requestId } = error as Partial<ApiError>;
  return problemText(
    { title: error.message, code: error.code, hint, ...(requestId ? { requestId } : {}) },
    bold,
  );
}

export function problemText(
  problem: Pick<Problem, 'title' | 'code' | 'hint' | 'requestId'>,
  bold: (text: string) => string = (text) => text,
): string {
  const [first = '', ...more] = printable(problem.title).split('\n');
  const head = `${bold('error:')} ${first}`;
  const gap = ' '.repeat(Math.max(2, CODE_COLUMN - `error: ${first}`.length));
  const lines = [`${head}${gap}[${printable(problem.code)}]`, ...more.map((line) => `  ${line}`)];
  if (problem.hint)
    lines.push(
      ...printable(problem.hint)
        .split('\n')
        .map((line) => `  ${line}`),
    );
  if (problem.requestId) lines.push(printable(`  request ${problem.requestId}${explained(problem)}`));
  return lines.join('\n');
}

/** Where the whole decision can be read. */
const explained = ({ code, requestId }: Pick<Problem, 'code' | 'requestId'>): string =>
  code === 'no_capacity' || code === 'disk_too_large' ? ` · gantry placement show ${requestId}` : '';

/** Prints it, with another hint where the caller knows better, and answers the exit code. */
export function reportError(io: Io, error: unknown, hint?: string): number {
  const known = asGantryError(error);
  io.stderr.write(`${errorText(known, styleOf(io, io.stderr).red, hint)}\n`);
  return known.exit;
}
