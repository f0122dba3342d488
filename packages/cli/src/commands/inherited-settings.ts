/** What groups and nodes inherit: options to change it, and a table of what holds, with the level that says so. */
import { type Body, type EffectiveSetting, err, GuestPolicy } from '@gantry/model';
import type { Given } from '../given.ts';
import { subTable } from '../output/describe.ts';
import type { Flag } from '../verb.ts';
import { guestFlags, guestPolicy } from './guest-settings.ts';
import { hostFlags, hostSettings, parseHostChanges } from './host-settings.ts';
import { unsetSettings } from './unset.ts';

const guestSettings = Object.keys(GuestPolicy.properties);

export const inheritedFlags: readonly Flag[] = [
  ...guestFlags,
  ...hostFlags,
  {
    flags: '--unset <setting>',
    description: `back to what is inherited: ${[...guestSettings, ...hostSettings].join(', ')}`,
    many: true,
    complete: () => [...guestSettings, ...hostSettings],
  },
];

/** @throws GantryError `invalid_argument` */
export function inheritedChanges(given: Given): Body<'setGroupPolicy'> {
  const all = unsetSettings(given, [...guestSettings, ...hostSettings]);
  const unset = (names: readonly string[]) =>
    Object.fromEntries(all.flatMap((name) => (names.includes(name) ? [[name, null]] : [])));
  const guest = { ...unset(guestSettings), ...guestPolicy(given) };
  const host = { ...unset(hostSettings), ...parseHostChanges(given) };
  return {
    ...(Object.keys(guest).length > 0 ? { guest } : {}),
    ...(Object.keys(host).length > 0 ? { host } : {}),
  };
}

/** @throws GantryError `usage` where nothing is given */
export function requireChanges<T extends object>(changes: T): T {
  if (Object.keys(changes).length > 0) return changes;
  throw err('usage', { what: 'nothing to set: give --cpu-mode, --shared-cpus or another of the options' });
}

/** The nearest level that speaks of a setting decides. */
export const effectiveTable = (items: readonly EffectiveSetting[]): string =>
  subTable(
    ['SETTING', 'VALUE', 'LEVEL', 'FROM'],
    items.map(({ setting, value, level, from }) => [
      setting,
      valueText(value),
      level,
      level === 'builtin' ? '' : from,
    ]),
  );

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(' ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, part]) => `${name}=${String(part)}`)
    .join(',');
}
