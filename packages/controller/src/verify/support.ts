/** Until when a distribution's release gets security updates. */

/** https://www.debian.org/releases/ and https://wiki.debian.org/LTS: the end of long-term support. */
const ends: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  debian: { '10': '2024-06-30', '11': '2026-08-31', '12': '2028-06-30', '13': '2030-06-30' },
  ubuntu: { '20.04': '2025-05-31', '22.04': '2027-06-01', '24.04': '2029-05-31' },
};

/** A day, or undefined where it is not known. */
export const supportEnds = ({ id, version }: { id: string; version: string }): string | undefined =>
  ends[id]?.[version];
