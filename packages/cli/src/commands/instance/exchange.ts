/** What reinstall and rescue share: where the new disk comes from. */
import { type Body, err, parseDurationMs } from '@gantry/model';
import type { Given } from '../../given.ts';
import { operationFlags, wishFlags } from '../../operations/submit.ts';
import { parseOs, parsePairs } from '../../parse.ts';
import type { Flag } from '../../verb.ts';
import { untilFlag } from './act.ts';
import { imageFlag } from './create-flags.ts';

export const sourceFlags: readonly Flag[] = [
  imageFlag,
  {
    flags: '--os <provider>',
    description: 'an OS provider instead of an image: debootstrap, debootstrap+VARIANT',
  },
  { flags: '--os-param <key=value>', description: 'parameter of the OS provider', many: true },
];

export const exchangeFlags: readonly Flag[] = [untilFlag, ...wishFlags, ...operationFlags];

/** @throws GantryError `usage` */
export function sourceBody(given: Given): Pick<Body<'rescueInstance'>, 'image' | 'os'> {
  const parameters = parsePairs(given.all('osParam'));
  if (Object.keys(parameters).length > 0 && given.text('os') === undefined)
    throw err('usage', { what: '--os-param goes with --os' });
  return { ...given.string('image', 'image'), ...given.put('os', 'os', (text) => parseOs(text, parameters)) };
}

export const exchangeBody = (
  given: Given,
): Pick<Body<'rescueInstance'>, 'until' | 'deadlineMs' | 'reason'> => ({
  ...given.put('until', 'until', (text) => text as 'running'),
  ...given.put('deadlineMs', 'deadline', parseDurationMs),
  ...given.string('reason', 'reason'),
});
