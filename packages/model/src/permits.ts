/** Which state permits which action: written once, asked by API, CLI and pages. */
import { err } from './errors.ts';
import type { InstanceState } from './resources/instance.ts';

export const instanceActions = {
  start: ['stopped', 'crashed', 'failed', 'unknown'],
  stop: ['running', 'starting', 'paused', 'crashed', 'unknown'],
  reboot: ['running', 'paused'],
  reset: ['running', 'paused'],
  delete: [
    'creating',
    'stopped',
    'starting',
    'running',
    'stopping',
    'paused',
    'crashed',
    'failed',
    'unknown',
  ],
  set: ['stopped', 'starting', 'running', 'stopping', 'paused', 'crashed', 'failed', 'unknown'],
  diff: ['stopped', 'starting', 'running', 'stopping', 'paused', 'crashed', 'failed', 'unknown'],
  pause: ['running'],
  resume: ['paused'],
  nmi: ['running'],
  console: ['running', 'paused', 'starting'],
  stats: ['running', 'paused', 'stopping'],
  'ping the agent of': ['running'],
  'set password': ['running'],
  'add ssh key': ['running'],
  logs: ['creating', 'stopped', 'starting', 'running', 'stopping', 'paused', 'crashed', 'failed', 'unknown'],
} as const satisfies Record<string, readonly InstanceState[]>;

export type InstanceAction = keyof typeof instanceActions;

/** May the action begin in this state? */
export const permits = (action: InstanceAction, state: InstanceState): boolean =>
  (instanceActions[action] as readonly InstanceState[]).includes(state);

/** @throws GantryError `wrong_state`, naming the states that would do */
export function requirePermitted(action: InstanceAction, name: string, state: InstanceState): void {
  if (permits(action, state)) return;
  const permitted = `It can ${action} when it is ${instanceActions[action].join(', ')}.`;
  throw err('wrong_state', { kind: 'instance', name, state, action, permitted });
}
