/** The state folder that a command about this machine's cluster works on. */
import { resolve } from 'node:path';
import { type Layout, layoutOf, type Settings, settingsOf } from '../../cluster/layout.ts';
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
  return { layout, settings: settingsOf(layout) };
}
