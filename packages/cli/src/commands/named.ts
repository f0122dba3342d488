/** show and delete of plain resources: one shape each. */

import type { Plan } from '@gantry/model';
import { planFlag, showPlan } from '../operations/submit.ts';
import type { Session } from '../session.ts';
import type { Argument, Verb } from '../verb.ts';

type DeleteRoute =
  | 'deleteDisk'
  | 'deleteGroup'
  | 'deleteFlavor'
  | 'deleteImage'
  | 'deleteNetwork'
  | 'deleteProject'
  | 'deleteToken'
  | 'deleteUser'
  | 'removeNode';

/** `delete NAME...`, after asking. */
export const deleteVerb = (noun: string, route: DeleteRoute, argument: Argument, example: string): Verb => ({
  words: `${noun} delete`,
  summary: `delete ${noun}s that nothing uses`,
  arguments: [{ ...argument, name: 'NAME...' }],
  flags: [planFlag],
  examples: [`gantry ${noun} delete ${example}`],
  async run(session, given) {
    if (given.on('plan')) return await planDeletion(session, given.args, route);
    await session.confirm(`Delete ${noun} ${given.args.join(', ')}?`);
    for (const ref of given.args) {
      const gone = await session.client.call(route, { params: { ref } });
      session.note(`${noun} ${ref} deleted`);
      await session.out.result(gone, gone.name);
    }
  },
});

/** After all that is checked before. */
export async function planDeletion(
  session: Session,
  refs: readonly string[],
  route: DeleteRoute,
): Promise<void> {
  for (const ref of refs) {
    const answer: object = await session.client.call(route, { params: { ref }, query: { plan: true } });
    await showPlan(session, 'plan' in answer ? (answer as Plan) : { plan: [`delete ${ref}`] });
  }
}

/** The name argument of a noun. */
export const nameArgument = (noun: string, complete?: Argument['complete']): Argument => ({
  name: 'NAME',
  description: `name or id of the ${noun}`,
  ...(complete ? { complete } : {}),
});
