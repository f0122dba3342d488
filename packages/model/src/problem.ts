/** RFC 9457 problem documents: how errors travel and how they are stored in operations. */
import { type ErrorCode, type ErrorParams, errorRegistry, GantryError, isGantryError } from './errors.ts';
import { optional, type Static, strict, Type } from './schema.ts';

export const Problem = strict(
  {
    type: Type.String({ description: 'documentation of the code' }),
    code: Type.String({ description: 'stable code, see the error reference' }),
    title: Type.String({ description: 'what and why, one sentence' }),
    status: Type.Integer(),
    hint: optional(Type.String({ description: 'what to do' })),
    params: optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]))),
    requestId: optional(Type.String()),
  },
  { description: 'application/problem+json (RFC 9457)' },
);
export type Problem = Static<typeof Problem>;

/** Any thrown value as a problem document; what is not a GantryError is `internal` and its text is kept out for users. */
export function toProblem(error: unknown, requestId?: string): Problem {
  const known = isGantryError(error)
    ? error
    : new GantryError('internal', { why: error instanceof Error ? error.message : 'unexpected failure' });
  return {
    type: `https://gantry.invalid/errors/${known.code}`,
    code: known.code,
    title: known.message,
    status: known.status,
    ...(known.hint ? { hint: known.hint } : {}),
    ...(Object.keys(known.params).length ? { params: { ...known.params } } : {}),
    ...(requestId ? { requestId } : {}),
  };
}

/** The way back: an error that carries code and params of the problem. */
export function fromProblem(problem: Problem): GantryError {
  const code: ErrorCode = Object.hasOwn(errorRegistry, problem.code)
    ? (problem.code as ErrorCode)
    : 'internal';
  const params: ErrorParams = problem.params ?? { why: problem.title };
  return new GantryError(code, params);
}
