/** What only the node knows: of a running guest its console and the origin of its hardware, of a disk what it takes. */
import type { ReplicaStatus, StatusReport } from '@gantry/model';
import type { Host } from '../env.ts';
import type { AgentState } from './state.ts';

export async function describe(host: Host, state: AgentState, report: StatusReport): Promise<StatusReport> {
  if (report.kind === 'replica')
    return { ...report, status: { ...report.status, ...ofDisk(state, report.id) } };
  const spec = state.journal.assignments?.guests.find((guest) => guest.id === report.id)?.spec;
  const instance = spec?.instance;
  if (report.kind !== 'guest' || !instance) return report;
  const conditions = state.journal.guests[instance]?.console?.found ?? [];
  const told = { ...report.status, ...(conditions.length ? { conditions } : {}) };
  if (told.state !== 'running' && told.state !== 'paused') return { ...report, status: told };
  const explanation = await host.explain(instance);
  const inside = state.inside.get(instance);
  return {
    ...report,
    status: {
      ...told,
      // an imported one has its own
      ...(spec?.input.definition === 'kept' ? {} : host.paths(instance)),
      ...(explanation ? { explanation } : {}),
      ...(inside ? { inside } : {}),
    },
  };
}

function ofDisk(state: AgentState, replica: string): Pick<ReplicaStatus, 'readyAt' | 'allocatedBytes'> {
  const spec = state.journal.assignments?.replicas.find(({ id }) => id === replica)?.spec;
  const made = spec?.what === 'disk' ? state.made.get(spec.disk) : undefined;
  if (!made) return {};
  const { readyAt, allocatedBytes } = made;
  return {
    readyAt: new Date(readyAt).toISOString(),
    ...(allocatedBytes === undefined ? {} : { allocatedBytes }),
  };
}
