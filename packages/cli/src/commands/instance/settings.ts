/** Why each setting of a guest is as it is: one row an element, `setting value level why`. */
import type { Provenance } from '@gantry/model';
import { table } from '../../output/table.ts';

/** Levels that a person set; the others are defaults, and what libvirt filled in. */
const chosen: readonly Provenance['level'][] = ['cluster', 'group', 'flavor', 'image', 'instance'];
/** Of a value; the whole is in -o wide and -o json. */
const VALUE_WIDTH = 44;

/**
 * In the order of the domain XML. What libvirt added by itself (addresses, aliases) and elements that say nothing by
 * themselves only with `all`.
 */
export function settingsTable(settings: readonly Provenance[], all: boolean): string {
  const shown = settings.filter((one) => all || (one.level !== 'libvirt' && valueText(one.value) !== ''));
  if (shown.length === 0) return '';
  const rows = shown.map((one) => [
    `${chosen.includes(one.level) ? '*' : ' '} ${one.path.replace(/^\/domain\//, '')}`,
    all ? one.value : shorten(valueText(one.value)),
    levelText(one),
    one.rule,
  ]);
  const notes = [
    ...(shown.some((one) => chosen.includes(one.level)) ? ['  * set by someone; the rest are defaults'] : []),
    ...(settings.length > shown.length
      ? [`  ${settings.length - shown.length} more, and the XML: -o wide`]
      : []),
  ];
  return [table(['  SETTING', 'VALUE', 'LEVEL', 'WHY'], rows).replace(/^/gm, '  '), ...notes].join('\n');
}

/** XML as one reads it: `<rng model='virtio'><backend>/dev/urandom</backend></rng>` is `model=virtio backend /dev/urandom`. */
export const valueText = (value: string): string =>
  value
    .replace(/^<[\w:-]+/, '')
    .replace(/<\/[\w:-]+>/g, ' ')
    .replace(/['"]/g, '')
    .replace(/\/?[<>]/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim();

const shorten = (text: string): string =>
  text.length > VALUE_WIDTH ? `${text.slice(0, VALUE_WIDTH - 1)}…` : text;

/** The level, and the setting there that decided. */
const levelText = ({ level, source }: Provenance): string =>
  source && level !== 'libvirt' ? `${level} (${source})` : level;
