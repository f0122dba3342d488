/** What the controller asks of this node's guests and wants answered at once. */
import type {
  CpuDefinition,
  ForeignDomain,
  GuestCall,
  GuestComparison,
  GuestStats,
  NodeAnswer,
} from '@gantry/model';
import type { Clock } from '../env.ts';
import { addSshKeys, pingAgent, setPassword } from './agent-channel.ts';
import type { DiffWish } from './diff.ts';
import type { GuestsOptions } from './ports.ts';
import { screenshot } from './screenshot.ts';
import { readStats } from './stats.ts';
import type { StopParts } from './stop.ts';

export interface CallParts extends Pick<StopParts, 'session' | 'member'>, Pick<GuestsOptions, 'taps'> {
  clock: Pick<Clock, 'now' | 'bootMs'>;
  diff(wish: DiffWish): Promise<GuestComparison>;
  inspect(domain: string): Promise<ForeignDomain>;
  baseline(cpus: readonly CpuDefinition[]): Promise<NodeAnswer<'cpu.baseline'>>;
}

export async function answerCall(call: GuestCall, parts: CallParts): Promise<NodeAnswer<GuestCall['do']>> {
  switch (call.do) {
    case 'stats':
      return { guests: await statsOf(call.instances, parts) };
    case 'agent.ping':
      return { tookMs: await pingAgent(call.instance, parts, () => parts.clock.bootMs()) };
    case 'agent.set-password':
      await setPassword(call.instance, call, parts);
      return {};
    case 'agent.add-ssh-keys':
      await addSshKeys(call.instance, call, parts);
      return {};
    case 'guest.screenshot':
      return { png: (await screenshot(call.instance, parts)).toString('base64') };
    case 'cpu.baseline':
      return parts.baseline(call.cpus);
    case 'guest.diff':
      return parts.diff(call);
    case 'domain.inspect':
      return parts.inspect(call.domain);
  }
}

/** What nftables cannot tell is left out: counters of libvirt are worth as much without. */
async function statsOf(
  instances: readonly string[],
  { session, clock, taps }: CallParts,
): Promise<GuestStats[]> {
  const [stats, filtered] = await Promise.all([
    readStats(await session.client(), instances, clock.now()),
    taps().catch(() => []),
  ]);
  const spoofed = new Map(filtered.map(({ tap, dropped }) => [tap, dropped]));
  return stats.map((guest) => ({
    ...guest,
    nics: guest.nics.map((nic) => {
      const dropped = spoofed.get(nic.device);
      return dropped ? { ...nic, spoofed: dropped } : nic;
    }),
  }));
}
