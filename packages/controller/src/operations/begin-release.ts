/** `instance release`, decided: the order to its node. The guest is not touched. */
import { err, type Instance, type OperationId, type ReleaseInstance } from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { withSpec } from '../store/batch.ts';
import { type BegunAction, begin, bindingOf } from './begin-actions.ts';
import { releaseSteps } from './instance-release.ts';

/** @throws GantryError `not_adopted` */
export async function beginRelease(
  asking: Asking,
  instance: Instance,
  wishes: ReleaseInstance,
): Promise<BegunAction> {
  const { name, spec, status } = instance;
  if (!spec.adopted) throw err('not_adopted', { name });
  if (spec.protected) throw err('protected', { kind: 'instance', name });
  const guest = await bindingOf(asking, instance);
  const { draft, operation, marked } = await begin(
    asking,
    instance,
    {
      kind: 'instance.release',
      steps: [{ name: releaseSteps.released, state: 'waiting' }],
      input: {},
      state: status.state,
    },
    wishes,
  );
  const { held: _over, ...binding } = guest.spec;
  const operationId = operation.id as OperationId;
  draft.put({ ...withSpec(guest, {}), spec: { ...binding, role: 'release', operation: operationId } });
  draft.put(marked);
  const plan = [
    `give domain ${spec.adopted.domain} back: it stays ${status.state}, defined in libvirt`,
    'free its name, MACs and addresses',
    'Gantry starts, stops and watches it no more',
  ];
  return { draft, operation, plan };
}
