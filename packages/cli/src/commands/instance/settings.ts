/** Why each setting of a guest is as it is: `setting value level why`, grouped by device. */
import type { Provenance } from '@gantry/model';
import { table } from '../../output/table.ts';

/** Levels that a person set; the others are defaults, and what libvirt filled in. */
const chosen: readonly Provenance['level'][] = ['cluster', 'group', 'flavor', 'image', 'instance'];

/**
 * One row a setting, in the order of the domain XML, under the element that it belongs to. What libvirt added by itself
 * (addresses, aliases) only with `all`: it is many lines and nobody chose it.
 */
export function settingsTable(settings: readonly Provenance[], all: boolean): string {
  const shown = settings.filter((one) => all || one.level !== 'libvirt');
  const rows = shown.map((one) => [
    `${chosen.includes(one.level) ? '*' : ' '} ${one.path}`,
    one.value,
    levelText(one),
    one.rule,
  ]);
  if (rows.length === 0) return '';
  const hidden = settings.length - shown.length;
  const more = hidden > 0 ? `\n  ${hidden} more that libvirt added: -o wide` : '';
  const note = shown.some((one) => chosen.includes(one.level))
    ? '\n  * set by someone; the rest are defaults'
    : '';
  return `${table(['  SETTING', 'VALUE', 'LEVEL', 'WHY'], rows).replace(/^/gm, '  ')}${note}${more}`;
}

/** The level, and the setting there that decided, where that is not the element itself. */
const levelText = ({ level, source }: Provenance): string =>
  source && level !== 'libvirt' ? `${level} (${source})` : level;
