/** The state folder that a command about this machine's cluster works on. */
import { dirname, resolve } from 'node:path';
import { socketOf } from '@gantry/client';
import { err } from '@gantry/model';
import { type Layout, layoutOf, readSettings, type Settings, settingsOf } from '../../cluster/layout.ts';
import { DEFAULT_STATE, readConfig } from '../../config.ts';
import type { Given } from '../../given.ts';
import type { Io } from '../../io.ts';
import type { Flag } from '../../verb.ts';

export const stateFlag: Flag = {
  flags: '--state <folder>',
  description: `where its state lies, default ${DEFAULT_STATE}`,
};

export const stateOf = (given: Given): string => resolve(given.text('state') ?? DEFAULT_STATE);

/** @throws GantryError `host_unfit` where no cluster was made */
export function localCluster(given: Given, { env }: Pick<Io, 'env'>): { layout: Layout; settings: Settings } {
  const layout = layoutOf(stateOf(given));
  return { layout, settings: readSettings(layout) ?? elsewhere(layout, env) };
}

/** A cluster of this machine that the user speaks with may lie elsewhere: it is named, and never chosen for him. */
function elsewhere(layout: Layout, env: Io['env']): Settings {
  const states = Object.entries(readConfig(env).contexts).flatMap(([name, { url }]) => {
    const socket = socketOf(url);
    const state = socket && dirname(dirname(socket));
    return state && layoutOf(state).socket === socket && readSettings(layoutOf(state))
      ? [{ name, state }]
      : [];
  });
  const [first] = states;
  if (!first) return settingsOf(layout);
  throw err('host_unfit', {
    why: `there is no cluster in ${layout.state}`,
    remedy: `That of context ${first.name} is in ${first.state}: add --state ${first.state}`,
  });
}
