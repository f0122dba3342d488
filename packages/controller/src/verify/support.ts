/** Until when a distribution's release gets security updates, and how old the hypervisor may be. */
import type { NodeFacts, NodeLook } from '@gantry/model';

/**
 * For nodes without distro-info-data.
 * https://www.debian.org/releases/ and https://wiki.debian.org/LTS: the end of long-term support.
 */
const ends: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  debian: { '10': '2024-06-30', '11': '2026-08-31', '12': '2028-06-30', '13': '2030-06-30' },
  ubuntu: { '20.04': '2025-05-31', '22.04': '2027-06-01', '24.04': '2029-05-31' },
};

/** A day, and who says so; undefined where nobody does: then nothing is said of it. */
export function supportEnds(
  system: NonNullable<NodeLook['system']>,
): { day: string; by: string } | undefined {
  if (system.supportEnds) return { day: system.supportEnds, by: 'distro-info-data of the node' };
  const day = ends[system.id]?.[system.version];
  return day === undefined ? undefined : { day, by: 'a table of this release of Gantry' };
}

/** Those of Debian 12: with them everything is tested. */
export const minimum: readonly {
  what: string;
  of: (facts: NodeFacts | undefined) => string | undefined;
  least: string;
}[] = [
  { what: 'QEMU', of: (facts) => facts?.qemuVersion, least: '7.2' },
  { what: 'libvirt', of: (facts) => facts?.libvirtVersion, least: '9.0' },
];
