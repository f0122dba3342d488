import type { Operation } from '@gantry/model';
import type { NewEvent } from '../store/batch.ts';

/** What came of it, for the audit: the request itself was only accepted. */
export function endEvent({ project, spec, status }: Operation, at: string): NewEvent {
  const { state, error } = status;
  const succeeded = state === 'succeeded';
  const why = error ? `: ${error.title.replaceAll('\n', ': ').slice(0, 1900)}` : '';
  return {
    at,
    type: `operation.${state}`,
    level: succeeded ? 'info' : 'warn',
    subject: spec.target,
    actor: spec.requester,
    message: `operation ${spec.number}, ${spec.kind} of ${spec.target.name}, ${state}${why}`,
    audit: { result: succeeded ? state : (error?.code ?? state), operation: spec.number },
    ...(project ? { project } : {}),
  };
}
