/** Everything that should hold, checked: one table of checks over the same facts. */
import { type CheckName, checkNames, type Finding, formatMs, operationEnded } from '@gantry/model';
import { cpus } from './check-cpus.ts';
import { failover } from './check-failover.ts';
import { domains, guests } from './check-guests.ts';
import { images } from './check-images.ts';
import { addresses, filters, networks } from './check-network.ts';
import { certificates, clocks, nodes, versions } from './check-nodes.ts';
import { capacity, disks, storages } from './check-storage.ts';
import { about, type Check, type Facts } from './facts.ts';

/** Operations end at their deadline; one that is so much older is stuck. */
const LATE_MS = 60_000;

const operations: Check = ({ operations: all, nowMs }) =>
  all.flatMap(({ spec, status }) => {
    const lateMs = nowMs - Date.parse(spec.deadline);
    if (operationEnded(status.state) || lateMs < LATE_MS) return [];
    const subject = { kind: 'op', name: String(spec.number) };
    const message = `${spec.kind} ${spec.target.name} is ${status.state}, ${formatMs(lateMs)} past its deadline`;
    return [
      about(
        'error',
        subject,
        message,
        'Look at the controller’s log; the task operations-advance should have ended it.',
      ),
    ];
  });

const checks: Readonly<Record<CheckName, Check>> = {
  ...{ nodes, clocks, versions, certificates, guests, domains },
  ...{ disks, images, storages, networks, filters, addresses },
  ...{ cpus, operations, capacity, failover },
};

/** Errors first, then in the order of the checks. */
export function verify(facts: Facts, wanted: readonly CheckName[] = checkNames): Finding[] {
  const found = wanted.flatMap((check) => checks[check](facts).map((one) => ({ check, ...one })));
  return found.sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
}
