/** Acts: begun at most once, whatever is lost or repeated. */
import { type Act, type ActStatus, compareEpochs, err, toProblem } from '@gantry/model';
import type { Part, PlanInput } from './input.ts';

export function planAct(act: Act, input: PlanInput): Part {
  const { spec } = act;
  const known = input.memory.acts[act.id];
  if (known) return answer(act, statusOf(act, known));
  if (Date.parse(spec.deadline) <= input.now)
    return answer(act, {
      state: 'failed',
      error: toProblem(
        err('deadline_exceeded', {
          what: spec.action.kind,
          limit: 'its deadline',
          observed: 'not begun',
          operation: spec.operation,
        }),
      ),
    });
  const seen = input.observation.domains.find((d) => d.uuid === spec.action.instance);
  const fits = seen?.ours && compareEpochs(seen.ours.epoch, spec.action.epoch) === 0;
  const may = fits && !input.busy.has(`guest:${spec.action.instance}`);
  return {
    ...answer(act, { state: 'posted' }),
    actions: may ? [{ do: 'act.perform', act: act.id, action: spec.action }] : [],
  };
}

function statusOf(act: Act, known: NonNullable<PlanInput['memory']['acts'][string]>): ActStatus {
  const endedAt = new Date(known.at).toISOString();
  if (known.state === 'begun') return { state: 'begun' };
  if (known.state === 'done') return { state: 'done', endedAt };
  if (known.state === 'unknown')
    return {
      state: 'unknown',
      endedAt,
      error: toProblem(err('act_unknown', { what: act.spec.action.kind, node: act.spec.node })),
    };
  return { state: 'failed', endedAt, ...(known.problem ? { error: known.problem } : {}) };
}

const answer = (act: Act, status: ActStatus): Part => ({
  actions: [],
  status: { kind: 'act', id: act.id, generation: act.generation, status },
});
