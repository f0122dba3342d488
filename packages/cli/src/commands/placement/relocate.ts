/** The answer to a request that moves instances: `relocate`, `node-evacuate`, `change-group`. */
import { err, type GantryError } from '@gantry/model';
import type { ClusterData, MoveRequest, Relocated } from '@gantry/placement';
import type { Given } from '../../given.ts';
import { join, subTable } from '../../output/describe.ts';
import type { Session } from '../../session.ts';
import { outputOf, scoreLine, secondsSince, writeResult } from './files.ts';

/** Says what goes where, writes the result, and fails if one of them must stay. */
export async function relocate(
  session: Session,
  given: Given,
  data: ClusterData,
  request: MoveRequest,
): Promise<void> {
  const start = performance.now();
  const { planRelocation } = await import('@gantry/placement');
  const { moved, score, after } = planRelocation(data, request);
  const stay = moved.filter(({ nodes }) => nodes.length === 0);
  if (stay.length === 0) await writeResult(given, after);
  const answer = { success: stay.length === 0, moved, score, seconds: secondsSince(start) };
  const names = moved.flatMap(({ nodes }) => nodes).join(' ');
  await outputOf(session, given).object(answer, names, () =>
    join(`${moved.length - stay.length} of ${moved.length} move; score ${scoreLine(score)}`, tableOf(moved)),
  );
  const [first] = stay;
  if (first) throw refusal(first, stay.length);
}

const tableOf = (moved: readonly Relocated[]): string =>
  subTable(
    ['INSTANCE', 'GROUP', 'FROM', 'TO', 'WHY NOT'],
    moved.map(({ instance, group, from, nodes, why }) => [
      instance,
      group,
      from.join(' '),
      nodes.join(' ') || '-',
      why ?? '-',
    ]),
  );

const refusal = ({ instance, why = '' }: Relocated, count: number): GantryError =>
  err('no_capacity', {
    name: instance,
    why: count === 1 ? why : `${why}; ${count - 1} more must stay`,
    waysOut: 'free resources in its group, or add a node',
  });
