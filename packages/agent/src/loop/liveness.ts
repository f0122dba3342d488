/** Watches for the first signs of life of started guests: an answered ping, then ssh. */
import type { Guest } from '@gantry/model';
import type { GuestMemory } from '../env.ts';
import { keep } from './keep.ts';
import type { AgentParts, AgentState } from './state.ts';

/** Starts a probe for each guest that runs and has not answered yet; ends those of guests that went. */
export async function liveness(parts: AgentParts, state: AgentState, signal: AbortSignal): Promise<void> {
  const probes = new Map<string, AbortController>();
  try {
    for (;;) {
      const wanted = new Map(
        wantedProbes(state).map((target) => [`${target.instance}@${target.bootedAt}`, target]),
      );
      for (const [key, probe] of probes) if (!wanted.has(key)) stop(probes, key, probe);
      for (const [key, target] of wanted) {
        if (probes.has(key)) continue;
        const probe = new AbortController();
        probes.set(key, probe);
        const onLive = (sign: 'ping' | 'ssh', at: number) => seenAlive(parts, state, target, sign, at);
        void parts.host.probe(target, onLive, probe.signal).catch((error: unknown) => {
          if (!probe.signal.aborted)
            parts.env.log('warn', 'probing failed', { instance: target.instance, error: String(error) });
        });
      }
      await state.alive.wait(signal);
    }
  } finally {
    for (const [key, probe] of probes) stop(probes, key, probe);
  }
}

interface Target {
  instance: string;
  /** The start of QEMU, or a reboot inside it. */
  bootedAt: number;
  ipv4: string;
  bridge: string;
  mac: string;
}

function wantedProbes(state: AgentState): Target[] {
  return (state.journal.assignments?.guests ?? []).flatMap((guest) => {
    const memory = state.journal.guests[guest.spec.instance];
    const nic = guest.spec.input.nics.find((n) => n.ipv4);
    const bootedAt = memory && bootOf(memory);
    if (!memory || !nic?.ipv4 || bootedAt === undefined || !runs(state, guest)) return [];
    if (memory.firstPingAt && memory.sshReadyAt) return [];
    return [
      {
        instance: guest.spec.instance,
        bootedAt,
        ipv4: nic.ipv4,
        bridge: nic.bridge,
        mac: nic.mac,
      },
    ];
  });
}

const bootOf = ({ startedAt, rebootedAt }: GuestMemory): number | undefined => rebootedAt ?? startedAt;

const runs = (state: AgentState, guest: Guest): boolean =>
  state.statuses.some((s) => s.kind === 'guest' && s.id === guest.id && s.status.state === 'running');

function seenAlive(
  parts: AgentParts,
  state: AgentState,
  target: Target,
  sign: 'ping' | 'ssh',
  at: number,
): void {
  const memory = state.journal.guests[target.instance];
  if (!memory || bootOf(memory) !== target.bootedAt) return;
  if (sign === 'ping') memory.firstPingAt ??= at;
  else memory.sshReadyAt ??= at;
  void keep(parts, state).catch((error: unknown) =>
    parts.env.log('error', 'journal', { error: String(error) }),
  );
  state.look.set();
}

function stop(probes: Map<string, AbortController>, key: string, probe: AbortController): void {
  probe.abort();
  probes.delete(key);
}
