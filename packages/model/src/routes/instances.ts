/** Routes: instances. */

import { ReinstallInstance, RescueInstance } from '../change-requests.ts';
import { CloneInstance } from '../cloning.ts';
import { MoveInstance } from '../moving.ts';
import { GuestExec } from '../node-commands.ts';
import {
  CreateInstance,
  InstanceKeyPresses,
  InstanceKeysBody,
  InstancePasswordBody,
  LockInstance,
  RenameInstance,
  ResizeInstance,
  SetInstance,
} from '../requests.ts';
import { AffinityStanding } from '../resources/affinity.ts';
import { Guest } from '../resources/guest.ts';
import { InstanceDiff } from '../resources/guest-diff.ts';
import { Instance } from '../resources/instance.ts';
import { InstanceChanged } from '../resources/instance-change.ts';
import { InstanceStats } from '../resources/stats.ts';
import { optional, strict, Type } from '../schema.ts';
import { act, all, get, inside, list, OperationOrPlan, operators, planQuery, type Route } from './shapes.ts';

export const instancesRoutes = {
  listInstances: list('/v1/instances', 'instances', Instance),
  getInstance: get('/v1/instances', 'instance', Instance),
  getInstanceAffinity: {
    method: 'GET',
    path: '/v1/instances/:ref/affinity',
    summary: 'rules about sharing its node: its own, and those of others that it breaks',
    roles: all,
    status: 200,
    response: strict({ items: Type.Array(AffinityStanding) }),
  },
  getInstanceGuest: {
    method: 'GET',
    path: '/v1/instances/:ref/guest',
    summary: 'its binding as the node reports it, with the origin of every element',
    roles: all,
    status: 200,
    response: Guest,
  },
  diffInstance: {
    method: 'GET',
    path: '/v1/instances/:ref/diff',
    summary: 'how its guest differs from what its settings would give now',
    roles: all,
    status: 200,
    response: InstanceDiff,
  },
  createInstance: {
    method: 'POST',
    path: '/v1/instances',
    summary: 'create an instance',
    roles: operators,
    status: 202,
    query: planQuery,
    body: CreateInstance,
    response: OperationOrPlan,
  },
  setInstance: {
    method: 'PATCH',
    path: '/v1/instances/:ref',
    summary:
      'change its size, kernel, settings, labels or protection; each change says when the guest gets it',
    roles: operators,
    status: 200,
    query: planQuery,
    body: SetInstance,
    response: InstanceChanged,
  },
  lockInstance: {
    method: 'PUT',
    path: '/v1/instances/:ref/lock',
    summary: 'refuse every change of it, with a reason; what is under way goes on',
    roles: operators,
    status: 200,
    body: LockInstance,
    response: Instance,
  },
  unlockInstance: {
    method: 'DELETE',
    path: '/v1/instances/:ref/lock',
    summary: 'permit changes of it again',
    roles: operators,
    status: 200,
    response: Instance,
  },
  renameInstance: {
    method: 'POST',
    path: '/v1/instances/:ref/rename',
    summary: 'give a stopped instance another name',
    roles: operators,
    status: 200,
    query: planQuery,
    body: RenameInstance,
    response: Instance,
  },
  moveInstance: {
    method: 'POST',
    path: '/v1/instances/:ref/move',
    summary: 'move a stopped instance to another node, with its disks',
    roles: operators,
    status: 202,
    query: planQuery,
    body: MoveInstance,
    response: OperationOrPlan,
  },
  resizeInstance: {
    ...act('resize'),
    summary:
      'give an instance another size, stopped and started where it must be; to be confirmed or reverted',
    body: ResizeInstance,
  },
  revertInstanceResize: {
    ...act('revert-resize'),
    summary: 'back to the size before the resize that is not confirmed',
  },
  confirmInstanceResize: {
    method: 'POST',
    path: '/v1/instances/:ref/confirm-resize',
    summary: 'keep the new size, and let go of what the old one held',
    roles: operators,
    status: 200,
    query: planQuery,
    response: Instance,
  },
  startInstance: act('start'),
  stopInstance: act('stop'),
  rebootInstance: act('reboot'),
  resetInstance: act('reset'),
  pauseInstance: act('pause'),
  resumeInstance: act('resume'),
  suspendInstance: act('suspend'),
  reinstallInstance: {
    ...act('reinstall'),
    summary: 'make its first disk anew; the content is lost, name, addresses and other disks stay',
    body: ReinstallInstance,
  },
  rescueInstance: {
    ...act('rescue'),
    summary: 'boot it from a rescue disk, with its own disks behind that',
    body: RescueInstance,
  },
  cloneInstance: {
    ...act('clone'),
    summary: 'make a new instance with copies of its disks, and names, MACs and addresses of its own',
    body: CloneInstance,
  },
  unrescueInstance: { ...act('unrescue'), summary: 'end its rescue: it is again as before' },
  nmiInstance: act('nmi'),
  sendKeyInstance: {
    ...act('send-key'),
    summary: 'press keys of an instance, one after the other',
    body: InstanceKeyPresses,
  },
  pingInstanceAgent: {
    method: 'GET',
    path: '/v1/instances/:ref/agent',
    summary: 'does the agent inside it answer, and how fast',
    roles: all,
    status: 200,
    response: strict({ tookMs: Type.Number({ description: 'until it answered (ms)' }) }),
  },
  setInstancePassword: inside(
    'password',
    'set the password of an account, through the guest agent',
    InstancePasswordBody,
  ),
  addInstanceKeys: inside(
    'ssh-keys',
    'let ssh keys into an account, through the guest agent',
    InstanceKeysBody,
  ),
  execInInstance: {
    method: 'POST',
    path: '/v1/instances/:ref/exec',
    summary:
      'run a command inside it through the guest agent; its output as events `out` and `err` (base64), then `end`',
    roles: operators,
    status: 200,
    stream: 'events',
    body: GuestExec,
    response: Type.Unknown(),
  },
  deleteInstance: {
    method: 'DELETE',
    path: '/v1/instances/:ref',
    summary: 'delete an instance and the disks made with it',
    roles: operators,
    status: 202,
    query: strict({ plan: optional(Type.Boolean()), deadlineMs: optional(Type.Integer({ minimum: 1000 })) }),
    response: OperationOrPlan,
  },
  instanceConsole: {
    method: 'GET',
    path: '/v1/instances/:ref/console',
    summary: 'serial console',
    roles: operators,
    status: 101,
    stream: 'websocket',
    response: Type.Unknown(),
  },
  instanceVnc: {
    method: 'GET',
    path: '/v1/instances/:ref/vnc',
    summary: 'display (RFB over WebSocket)',
    roles: operators,
    status: 101,
    stream: 'websocket',
    response: Type.Unknown(),
  },
  instanceScreenshot: {
    method: 'GET',
    path: '/v1/instances/:ref/screenshot',
    summary: 'a picture of its screen (PNG)',
    roles: operators,
    status: 200,
    stream: 'bytes-out',
    response: Type.Unknown(),
  },
  instanceLogs: {
    method: 'GET',
    path: '/v1/instances/:ref/logs',
    summary: 'console log',
    roles: all,
    status: 200,
    stream: 'bytes-out',
    query: strict({
      follow: optional(Type.Boolean()),
      tailBytes: optional(Type.Integer({ minimum: 0, maximum: 64 * 2 ** 20 })),
    }),
    response: Type.Unknown(),
  },
  getInstanceStats: {
    method: 'GET',
    path: '/v1/instances/:ref/stats',
    summary: 'what it has used since its start, as its node counts now',
    roles: all,
    status: 200,
    response: InstanceStats,
  },
  listInstanceStats: {
    method: 'GET',
    path: '/v1/stats',
    summary: 'the same of all instances that run; nodes that do not answer are named',
    roles: all,
    status: 200,
    response: strict({ items: Type.Array(InstanceStats), silent: Type.Array(Type.String()) }),
  },
} as const satisfies Record<string, Route>;
