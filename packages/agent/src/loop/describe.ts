/** What only the node knows of a running guest: where its console is, and the origin of every element of its hardware. */
import type { Guest, StatusReport } from '@gantry/model';
import type { Host } from '../env.ts';

export async function describe(
  host: Host,
  report: StatusReport,
  guests: readonly Guest[],
): Promise<StatusReport> {
  if (report.kind !== 'guest' || (report.status.state !== 'running' && report.status.state !== 'paused'))
    return report;
  const instance = guests.find((guest) => guest.id === report.id)?.spec.instance;
  if (!instance) return report;
  const explanation = await host.explain(instance);
  return {
    ...report,
    status: { ...report.status, ...host.paths(instance), ...(explanation ? { explanation } : {}) },
  };
}
