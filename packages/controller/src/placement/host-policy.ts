/** What of a node guests may use: settings of cluster, group and node together. */
import { parseCpuList } from '@gantry/guest';
import { err, type HostPolicy } from '@gantry/model';
import type { Kinds } from '../kinds.ts';

/** Each setting by itself: the node's word, else the group's, else the cluster's. */
export const hostPolicyOf = (
  cluster: Pick<Kinds['cluster'], 'spec'>,
  group: Pick<Kinds['group'], 'spec'> | undefined,
  node: Pick<Kinds['node'], 'spec'>,
): HostPolicy => ({ ...cluster.spec.host, ...group?.spec.host, ...node.spec.host });

/**
 * What is wrong wherever it holds.
 * @throws GantryError `invalid_argument`
 */
export function checkHostPolicy({ sharedCpus, dedicatedCpus, pciDevices = [] }: HostPolicy): void {
  const shared = new Set(listed('sharedCpus', sharedCpus));
  const both = listed('dedicatedCpus', dedicatedCpus).filter((cpu) => shared.has(cpu));
  if (both.length > 0)
    throw err('invalid_argument', {
      what: `host.dedicatedCpus=${dedicatedCpus}`,
      wanted: `free of CPUs that are shared too (${both.join(', ')})`,
    });
  for (const { alias, address, id } of pciDevices)
    if ((address === undefined) === (id === undefined))
      throw err('invalid_argument', {
        what: `host.pciDevices of ${alias}`,
        wanted: 'an address, or an id of vendor and product, and not both',
      });
}

function listed(setting: string, text: string | undefined): readonly number[] {
  if (text === undefined) return [];
  const cpus = parsed(setting, text);
  if (cpus.length > 0) return cpus;
  throw err('invalid_argument', {
    what: `host.${setting}=${text}`,
    wanted: 'at least one CPU; unset it instead',
  });
}

function parsed(setting: string, text: string): readonly number[] {
  try {
    return parseCpuList(text);
  } catch (error) {
    throw err(
      'invalid_argument',
      { what: `host.${setting}=${text}`, wanted: 'a list of CPUs such as 2-7,^4' },
      error,
    );
  }
}

/**
 * A slip of the pen: the node is named, and has no such CPU. What is inherited may name more than one node has.
 * @throws GantryError `invalid_argument`
 */
export function requireCpus({ name, spec, status }: Pick<Kinds['node'], 'name' | 'spec' | 'status'>): void {
  const cells = status.facts?.hardware?.cells;
  if (!cells) return;
  const there = new Set(cells.flatMap(({ cores }) => cores.flat()));
  for (const setting of ['sharedCpus', 'dedicatedCpus'] as const) {
    const text = spec.host?.[setting];
    const missing = listed(setting, text).filter((cpu) => !there.has(cpu));
    if (missing.length > 0)
      throw err('invalid_argument', {
        what: `host.${setting}=${text}`,
        wanted: `a list of CPUs of ${name}, which has no CPU ${missing.join(', ')}`,
      });
  }
}
