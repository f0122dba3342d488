/** `instance move`: to a node that is named, or to the one that placement chooses. */
import { formatBytes, type Plan } from '@gantry/model';
import { type BegunMove, beginMove } from '../operations/begin-move.ts';
import { describeFit } from '../placement/choose-node.ts';
import { begun, changeable, planned } from './begun.ts';
import { type Handler, resolve } from './call.ts';

export const moveInstance: Handler<'moveInstance'> = async (call) => {
  const instance = await changeable(call, 'move');
  const { node: ref, ...wishes } = call.body;
  const node = ref === undefined ? undefined : await resolve(call, 'node', ref);
  const move = await beginMove(call.app, call.caller, instance, { ...wishes, ...(node ? { node } : {}) });
  if (call.query.plan) return planned(call, move.draft, planOf(move, instance.name));
  return begun(call, move, instance, `move instance ${instance.name} to ${move.to.name}`);
};

function planOf({ decision, from, to, goesDown, restart, bytes, fit }: BegunMove, name: string): Plan {
  const plan = [
    `move instance ${name} from ${from.name} to ${to.name}, ${decision.lookedAt} looked at`,
    ...describeFit(fit),
    ...(goesDown ? ['stop it'] : []),
    ...(bytes > 0 ? [`copy its disks: ${formatBytes(bytes)}`] : []),
    restart ? 'start it there' : 'leave it stopped there',
    `remove its disks from ${from.name}`,
  ];
  return { plan, placement: decision };
}
