/** Which state permits which action: written once, asked by API, CLI and pages. */
import { err } from './errors.ts';
import { type Instance, type InstanceState, instanceStates } from './resources/instance.ts';

/** Made, and not on its way out. */
const made = instanceStates.filter((state) => state !== 'creating' && state !== 'deleting');
const standing = ['creating', ...made] as const;

export const instanceActions = {
  start: ['stopped', 'suspended', 'crashed', 'failed', 'unknown'],
  // one that failed is tried again until it comes up
  stop: ['running', 'starting', 'paused', 'crashed', 'failed', 'unknown'],
  reboot: ['running', 'paused'],
  reset: ['running', 'paused'],
  delete: standing,
  set: made,
  resize: ['stopped', 'running'],
  'revert the resize of': ['stopped', 'running'],
  'confirm the resize of': made,
  rename: ['stopped'],
  release: made,
  'attach a disk to': ['stopped', 'running'],
  'detach a disk from': ['stopped', 'running'],
  'set a disk of': ['stopped', 'running', 'paused'],
  'attach a NIC to': ['stopped', 'running'],
  'detach a NIC from': ['stopped', 'running'],
  'set a NIC of': ['stopped', 'running'],
  'attach a CD drive to': ['stopped', 'running'],
  'detach a CD drive from': ['stopped', 'running'],
  'insert a CD into': ['stopped', 'running', 'paused', 'crashed', 'failed'],
  'eject a CD from': ['stopped', 'running', 'paused', 'crashed', 'failed'],
  'grow a disk of': ['stopped', 'running', 'paused', 'crashed', 'failed'],
  move: ['stopped', 'running', 'paused', 'crashed', 'failed'],
  lock: [...standing, 'deleting'],
  diff: made,
  pause: ['running'],
  resume: ['paused'],
  suspend: ['running', 'paused'],
  reinstall: ['stopped', 'running', 'paused', 'crashed', 'failed'],
  rescue: ['stopped', 'running', 'paused', 'crashed', 'failed'],
  clone: ['stopped', 'running', 'paused', 'crashed'],
  unrescue: ['stopped', 'starting', 'running', 'paused', 'crashed', 'failed'],
  nmi: ['running'],
  'send-key': ['running'],
  console: ['running', 'paused', 'starting'],
  stats: ['running', 'paused', 'stopping'],
  'take a screenshot of': ['running', 'paused', 'stopping'],
  'ping the agent of': ['running'],
  'run a command in': ['running'],
  'set password': ['running'],
  'add ssh key': ['running'],
  logs: standing,
} as const satisfies Record<string, readonly InstanceState[]>;

export type InstanceAction = keyof typeof instanceActions;

/** May the action begin in this state? */
export const permits = (action: InstanceAction, state: InstanceState): boolean =>
  (instanceActions[action] as readonly InstanceState[]).includes(state);

/** What a lock does not refuse: looking, and the lock itself. */
const whileLocked: readonly InstanceAction[] = [
  'lock',
  'diff',
  'console',
  'stats',
  'take a screenshot of',
  'ping the agent of',
  'logs',
];

/** What makes sense of a guest that boots from its rescue disk. */
const inRescue: readonly InstanceAction[] = [
  ...whileLocked,
  'start',
  'stop',
  'reboot',
  'reset',
  'delete',
  'pause',
  'resume',
  'nmi',
  'send-key',
  'insert a CD into',
  'eject a CD from',
  'run a command in',
  'set password',
  'add ssh key',
  'unrescue',
];

/** What makes sense of a guest whose hardware is libvirt's definition of it. */
const whenAdopted: readonly InstanceAction[] = [
  ...inRescue.filter((action) => action !== 'unrescue'),
  'set',
  'rename',
  'release',
  'suspend',
];

/** Its disks are only read for a clone; one that goes down for it is refused where that is known. */
export const permitsLocked = (action: InstanceAction): boolean =>
  action === 'clone' || whileLocked.includes(action);

/** What decides: its name, its lock, whether it is rescued, and its state. */
type Subject = Pick<Instance, 'name'> & {
  spec: Pick<Instance['spec'], 'locked' | 'rescue' | 'adopted'>;
  status: Pick<Instance['status'], 'state'>;
};

/** @throws GantryError `locked`, with the reason; `in_rescue`; `hardware_kept`; `wrong_state`, naming the states that would do */
export function requirePermitted(action: InstanceAction, { name, spec, status }: Subject): void {
  if (spec.locked && !permitsLocked(action))
    throw err('locked', { name, by: spec.locked.by, reason: spec.locked.reason });
  if (spec.rescue && !inRescue.includes(action)) throw err('in_rescue', { name, action: inWords(action) });
  if (spec.adopted && !whenAdopted.includes(action)) throw err('hardware_kept', { name, action });
  const { state } = status;
  if (permits(action, state)) return;
  const permitted = `That is possible when it is ${instanceActions[action].join(', ')}.${wayFrom(state, name)}`;
  throw err('wrong_state', { kind: 'instance', name, state, action: inWords(action), permitted });
}

const phrases: Partial<Record<InstanceAction, string>> = {
  console: 'open its console',
  stats: 'read its counters',
  logs: 'read its log',
  diff: 'compare it',
  nmi: 'send it an NMI',
  'send-key': 'press its keys',
  'set password': 'set a password in it',
  'add ssh key': 'add an SSH key in it',
};

/** As the end of a sentence: `take a screenshot of it`, `stop it`. */
const inWords = (action: InstanceAction): string =>
  phrases[action] ?? (action.endsWith(' it') ? action : `${action} it`);

/** What is meant most often in a state that looks like another one. */
const wayFrom = (state: InstanceState, name: string): string =>
  state === 'suspended'
    ? ` It is down, with its memory on disk: \`gantry instance start ${name}\` goes on with that, --discard-saved boots anew.`
    : '';
