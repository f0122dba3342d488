/** --property and --unset of flavors and images, with the sugar for Nova's longer keys. */
import type { Given } from '../given.ts';
import { parsePairs, parseRngRate, parseYesNo } from '../parse.ts';
import type { Complete, Flag } from '../verb.ts';

const keyNames =
  (kind: 'flavor' | 'image', end: string): Complete =>
  async () => {
    const guest = await import('@gantry/guest');
    const keys = kind === 'flavor' ? guest.flavorKeys : guest.imageKeys;
    return keys.map(({ key, doc }) => [`${key}${end}`, doc] as const);
  };

export const propertyFlags = (kind: 'flavor' | 'image'): readonly Flag[] => [
  {
    flags: '--property <key=value>',
    description: `one of Nova’s ${kind === 'flavor' ? 'extra specs' : 'image properties'}; see gantry explain ${kind}`,
    many: true,
    complete: keyNames(kind, '='),
  },
];
export const unsetFlag = (kind: 'flavor' | 'image'): Flag => ({
  flags: '--unset <key>',
  description: 'remove a property',
  many: true,
  complete: keyNames(kind, ''),
});

export const flavorSugar: readonly Flag[] = [
  { flags: '--rng <rate>', description: 'entropy for the guest: on, off, or a limit such as 24B/5s' },
  {
    flags: '--watchdog <action>',
    description: 'what happens when the guest hangs',
    choices: ['poweroff', 'reset', 'pause', 'none', 'disabled'],
  },
];

/** Extra specs that the options ask for; null unsets. @throws GantryError `invalid_argument` */
export function propertiesOf(given: Given): Record<string, string | null> {
  return {
    ...Object.fromEntries(given.all('unset').map((key) => [key, null])),
    ...rngOf(given.text('rng')),
    ...given.put('hw:watchdog_action', 'watchdog', (action) => action),
    ...parsePairs(given.all('property')),
  };
}

function rngOf(text: string | undefined): Record<string, string | null> {
  if (text === undefined) return {};
  if (text.includes('/')) return { 'hw_rng:allowed': 'true', ...parseRngRate(text) };
  const unlimited = { 'hw_rng:rate_bytes': null, 'hw_rng:rate_period': null };
  return { ...unlimited, 'hw_rng:allowed': String(parseYesNo(text)) };
}

/** What the extra specs that were touched mean, one line each. */
export async function meanings(
  specs: Readonly<Record<string, string>>,
  touched: readonly string[],
): Promise<string[]> {
  const about = (prefix: string) => touched.some((key) => key.startsWith(prefix));
  return [
    ...(about('hw_rng:') ? [`rng       ${await rngText(specs)}`] : []),
    ...(about('hw:watchdog_action') ? [`watchdog  ${watchdogMeaning(specs['hw:watchdog_action'])}`] : []),
  ];
}

async function rngText(specs: Readonly<Record<string, string>>): Promise<string> {
  if (/^(false|no|off|0)$/i.test(specs['hw_rng:allowed'] ?? 'true'))
    return 'off: the guest has no virtio entropy source';
  const bytes = Number(specs['hw_rng:rate_bytes'] ?? 0);
  const periodMs = Number(specs['hw_rng:rate_period'] ?? 0);
  if (!(bytes > 0)) return 'on, without limit';
  // Loaded on use: other commands do without the vocabulary of guest hardware.
  const { rngMeaning } = await import('@gantry/guest');
  return rngMeaning(bytes, periodMs);
}

const watchdogs: Readonly<Record<string, string>> = {
  poweroff: 'the guest is powered off when it stops feeding the watchdog',
  reset: 'the guest is reset when it stops feeding the watchdog',
  pause: 'the guest is paused when it stops feeding the watchdog',
  none: 'there is a watchdog, and nothing happens but an event',
};
const watchdogMeaning = (action: string | undefined): string =>
  watchdogs[action ?? ''] ?? 'disabled: the guest has no watchdog';
