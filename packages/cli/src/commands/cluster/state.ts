/** The state folder that a command about this machine's cluster works on. */
import { resolve } from 'node:path';
import { err } from '@gantry/model';
import { type Layout, layoutOf, readSettings, type Settings } from '../../cluster/layout.ts';
import { DEFAULT_STATE } from '../../config.ts';
import type { Given } from '../../given.ts';
import type { Flag } from '../../verb.ts';

export const stateFlag: Flag = {
  flags: '--state <folder>',
  description: `where its state lies, default ${DEFAULT_STATE}`,
};

export const stateOf = (given: Given): string => resolve(given.text('state') ?? DEFAULT_STATE);

/** @throws GantryError `host_unfit` where no cluster was made */
export function localCluster(given: Given): { layout: Layout; settings: Settings } {
  const layout = layoutOf(stateOf(given));
  const settings = readSettings(layout);
  if (!settings)
    throw err('host_unfit', {
      why: `there is no cluster in ${layout.state}`,
      remedy: 'Make one with `gantry cluster init`, or name its folder with --state.',
    });
  return { layout, settings };
}
