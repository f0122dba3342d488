/** What the controller asks of this node's guests and wants answered at once. */
import type { GuestComparison, NodeAnswer, NodeCall } from '@gantry/model';
import type { Clock } from '../env.ts';
import { addSshKeys, pingAgent, setPassword } from './agent-channel.ts';
import type { DiffWish } from './diff.ts';
import { readStats } from './stats.ts';
import type { StopParts } from './stop.ts';

export type CallParts = Pick<StopParts, 'session' | 'member'> & { clock: Pick<Clock, 'now' | 'bootMs'> } & {
  diff(wish: DiffWish): Promise<GuestComparison>;
};

export async function answerCall(call: NodeCall, parts: CallParts): Promise<NodeAnswer<NodeCall['do']>> {
  const { session, clock } = parts;
  switch (call.do) {
    case 'stats':
      return { guests: await readStats(await session.client(), call.instances, clock.now()) };
    case 'agent.ping':
      return { tookMs: await pingAgent(call.instance, parts, () => clock.bootMs()) };
    case 'agent.set-password':
      await setPassword(call.instance, call, parts);
      return {};
    case 'agent.add-ssh-keys':
      await addSshKeys(call.instance, call, parts);
      return {};
    case 'guest.diff':
      return parts.diff(call);
  }
}
