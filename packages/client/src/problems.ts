/** Answers that refuse, and connections that fail, as errors with a stable code. */
import { type ErrorCode, type ErrorParams, err, fromProblem, GantryError, type Problem } from '@gantry/model';

/** A refusal by the API; `problem` is the document as it came. */
export class ApiError extends GantryError {
  readonly problem: Problem;
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, params: ErrorParams, problem: Problem) {
    super(code, params);
    this.problem = problem;
    this.requestId = problem.requestId;
  }
}

/** The error that a refusing answer stands for, also when its body is no problem document. */
export function refusal(status: number, body: string, requestId: string | undefined): GantryError {
  const problem = parseProblem(body);
  if (!problem) {
    const start = body.slice(0, 200).replace(/\s+/g, ' ').trim();
    return err('internal', { why: `the API answered ${status}${start ? `: ${start}` : ''}` });
  }
  const full = requestId && !problem.requestId ? { ...problem, requestId } : problem;
  const { code, params } = fromProblem(full);
  return new ApiError(code, params, full);
}

function parseProblem(body: string): Problem | undefined {
  try {
    const value = JSON.parse(body) as Problem;
    return typeof value?.code === 'string' && typeof value.title === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nothing listens there',
  EACCES: 'you may not open the socket (be root or a member of group gantry)',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'it did not answer in time',
  ECONNRESET: 'the connection was lost',
  EPIPE: 'the connection was lost',
};

/** The system's code of a failed connection, such as ECONNREFUSED. */
export const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

export function unreachable(endpoint: string, error: unknown): GantryError {
  const message = error instanceof Error ? error.message : String(error);
  return err('api_unreachable', { endpoint, why: reasons[systemCode(error)] ?? message }, error);
}
