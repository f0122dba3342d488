/** Leases that dnsmasq can be given. A bad one costs its own guest the address, and nobody else theirs. Pure. */
import { type AttachmentSpec, err, isGantryError, type Problem, toProblem } from '@gantry/model';
import { checkLease, type Leases, type NatNetwork, natNetwork } from './wanted.ts';

export interface Judged {
  usable: Leases;
  /** Never given to dnsmasq, with why. */
  bad: { lease: Leases[number]; why: string }[];
}

export function judgeLeases(wanted: NatNetwork, leases: Leases): Judged {
  const judged: Judged = { usable: [], bad: [] };
  for (const lease of leases) {
    const why = faultOf(() => checkLease(wanted, lease));
    if (why === undefined) judged.usable.push(lease);
    else judged.bad.push({ lease, why });
  }
  return judged;
}

/** What is said of those left out. Undefined also where the network itself is not as it should be: making it says that. */
export function leftOut(cluster: string, spec: AttachmentSpec, leases: Leases): Problem | undefined {
  if (spec.mode !== 'nat' || !spec.dhcp || leases.length === 0) return undefined;
  let bad: Judged['bad'] = [];
  faultOf(() => {
    bad = judgeLeases(natNetwork(cluster, spec), leases).bad;
  });
  const [first] = bad;
  if (!first) return undefined;
  const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : '';
  const { mac } = first.lease;
  return toProblem(err('lease_left_out', { mac: JSON.stringify(mac.slice(0, 64)), more, why: first.why }));
}

function faultOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (isGantryError(error)) return error.message;
    throw error;
  }
}
