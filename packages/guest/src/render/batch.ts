/** Cases as JSON lines to answers as JSON lines. One bad line costs one answer, never the run. */
import { err, isGantryError } from '@gantry/model';
import { renderDomain } from '../compile.ts';
import { novaProfile, type Profile } from '../profiles.ts';
import { renderCase } from './render-case.ts';

export type Answer =
  | { readonly name: string; readonly xml: string }
  | { readonly name: string; readonly error: { code: string; message: string; nova: string } };

/** Nova’s classes for refusals that carry none of their own. */
const classOf: Readonly<Record<string, string>> = {
  guest_refused: 'Invalid',
  host_unfit: 'Invalid',
  no_capacity: 'NoValidHost',
};

/** By the profile `nova` unless another is named. */
export const answerTo = (input: unknown, profile: Profile = novaProfile): Answer =>
  answer(nameOf(input), () => renderDomain(renderCase(input, profile)));

function answer(name: string, render: () => string): Answer {
  try {
    return { name, xml: render() };
  } catch (error) {
    if (!isGantryError(error)) return { name, error: bug(error) };
    const nova = error.params['nova'] ?? classOf[error.code] ?? 'InvalidRequest';
    return { name, error: { code: error.code, message: error.message, nova: String(nova) } };
  }
}

const nameOf = (input: unknown): string =>
  typeof input === 'object' && input !== null && 'name' in input && typeof input.name === 'string'
    ? input.name
    : '';

/** One line to one line; undefined for an empty one. */
export function answerLine(line: string, profile: Profile = novaProfile): string | undefined {
  if (line.trim() === '') return undefined;
  const input = parse(line);
  return JSON.stringify('value' in input ? answerTo(input.value, profile) : answer('', notJson));
}

function parse(line: string): { value: unknown } | { broken: true } {
  try {
    return { value: JSON.parse(line) };
  } catch {
    return { broken: true };
  }
}

const notJson = (): never => {
  throw err('invalid_argument', { what: 'the line', wanted: 'JSON' });
};

/** A mistake of ours, said as such: the other lines are answered all the same. */
const bug = (error: unknown) => ({
  code: 'internal',
  message: `internal error: ${error instanceof Error ? error.message : String(error)}`,
  nova: 'InternalError',
});
