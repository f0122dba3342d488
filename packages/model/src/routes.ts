/**
 * The API, once: server handlers, typed client, OpenAPI and reference docs all derive from this table.
 * Long work answers 202 with an Operation. `plan: true` routes take `?plan=true` and answer what would happen.
 */
import { Assignments, Report, ReportAnswer, Speaker } from './assignments.ts';
import { EffectiveSetting } from './inheritance.ts';
import { AddNode, JoinNode, NodeAdded, NodeCertificates, RenewCertificates } from './joining.ts';
import { ExecCommand, FileQuery, FileWritten } from './node-commands.ts';
import {
  CreateFlavor,
  CreateGroup,
  CreateImage,
  CreateInstance,
  CreateNetwork,
  CreateProject,
  CreateToken,
  InstanceActionBody,
  InstanceKeyPresses,
  InstanceKeysBody,
  InstancePasswordBody,
  LockInstance,
  Ref,
  RenameInstance,
  SetClusterAccess,
  SetClusterOs,
  SetFlavor,
  SetImage,
  SetInstance,
  SetNetwork,
  SetNode,
  SetPolicy,
} from './requests.ts';
import { AffinityStanding } from './resources/affinity.ts';
import { Attachment } from './resources/attachment.ts';
import { Cluster } from './resources/cluster.ts';
import { Revision } from './resources/common.ts';
import { Disk } from './resources/disk.ts';
import { DrainPlan } from './resources/drain.ts';
import { Event } from './resources/event.ts';
import { Flavor } from './resources/flavor.ts';
import { Group } from './resources/group.ts';
import { Guest } from './resources/guest.ts';
import { InstanceDiff } from './resources/guest-diff.ts';
import { Image } from './resources/image.ts';
import { Instance } from './resources/instance.ts';
import { InstanceChanged } from './resources/instance-change.ts';
import { Network } from './resources/network.ts';
import { Node } from './resources/node.ts';
import { LogLine, Operation } from './resources/operation.ts';
import { Project, type Role, Token } from './resources/project.ts';
import { InstanceStats } from './resources/stats.ts';
import { optional, type Static, strict, Timestamp, type TSchema, Type } from './schema.ts';

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:name` parts are parameters. */
  path: string;
  summary: string;
  roles: readonly Role[];
  status: number;
  query?: TSchema;
  body?: TSchema;
  response: TSchema;
  /** How the body travels: JSON (default), server-sent events, or raw bytes. */
  stream?: 'events' | 'bytes-in' | 'bytes-out' | 'websocket';
}

const all = ['admin', 'operator', 'viewer'] as const;
const operators = ['admin', 'operator'] as const;
const admin = ['admin'] as const;
const agent = ['agent'] as const;

const page = <T extends TSchema>(items: T) =>
  strict({
    items: Type.Array(items),
    revision: Revision,
    next: optional(Type.String({ description: 'cursor of the next page' })),
  });
const Paging = {
  limit: optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  cursor: optional(Type.String()),
};
const listQuery = strict({
  ...Paging,
  labels: optional(Type.String({ description: 'key=value[,key=value]' })),
});
const planQuery = strict({ plan: optional(Type.Boolean({ description: 'only say what would happen' })) });
const Empty = strict({});
const Plan = strict(
  { plan: Type.Array(Type.String()), placement: optional(Type.Unknown()) },
  { description: 'what would happen, line by line' },
);
const OperationOrPlan = Type.Union([Operation, Plan]);

const list = <T extends TSchema>(path: string, kind: string, of: T) =>
  ({
    method: 'GET',
    path,
    summary: `list ${kind}`,
    roles: all,
    status: 200,
    query: listQuery,
    response: page(of),
  }) as const;
const get = <T extends TSchema>(path: string, kind: string, of: T) =>
  ({
    method: 'GET',
    path: `${path}/:ref`,
    summary: `show one ${kind}, by name or id`,
    roles: all,
    status: 200,
    response: of,
  }) as const;
const create = <B extends TSchema, T extends TSchema>(
  path: string,
  kind: string,
  body: B,
  of: T,
  who: readonly Role[] = operators,
) =>
  ({
    method: 'POST',
    path,
    summary: `create a ${kind}`,
    roles: who,
    status: 201,
    query: planQuery,
    body,
    response: of,
  }) as const;
const remove = <P extends string>(path: P, kind: string, who: readonly Role[] = operators) =>
  ({
    method: 'DELETE',
    path: `${path}/:ref`,
    summary: `delete a ${kind}`,
    roles: who,
    status: 200,
    query: planQuery,
    response: Empty,
  }) as const;
const settings = <P extends string>(path: P, what: string) =>
  ({
    method: 'GET',
    path,
    summary: `settings that hold for ${what}, each with the level that says so`,
    roles: all,
    status: 200,
    response: strict({ items: Type.Array(EffectiveSetting) }),
  }) as const;
const act = (verb: string) =>
  ({
    method: 'POST',
    path: `/v1/instances/:ref/${verb}`,
    summary: `${verb} an instance`,
    roles: operators,
    status: 202,
    query: planQuery,
    body: InstanceActionBody,
    response: OperationOrPlan,
  }) as const;

/** Done inside the guest by its agent, at once; nothing of the body is kept. */
const inside = <P extends string, B extends TSchema>(path: P, summary: string, body: B) =>
  ({
    method: 'PUT',
    path: `/v1/instances/:ref/${path}`,
    summary,
    roles: operators,
    status: 200,
    body,
    response: Empty,
  }) as const;

/** One background task of the controller. */
export const TaskStatus = strict({
  name: Type.String(),
  runs: Type.Integer({ minimum: 0 }),
  failures: Type.Integer({ minimum: 0 }),
  lastRunAt: optional(Timestamp),
  lastError: optional(Type.String()),
  detail: optional(Type.Record(Type.String(), Type.Unknown(), { description: 'its own account, by task' })),
});
export type TaskStatus = Static<typeof TaskStatus>;

export const WatchQuery = strict({
  from: optional(Revision),
  kinds: optional(Type.String({ description: 'comma-separated kinds' })),
  project: optional(Ref),
  name: optional(Type.String()),
});

/**
 * Header of a request that is about one project: its name or id, percent-encoded. Names are looked up there and among what
 * all projects share, new things belong to it, and an administrator sees nothing of others.
 */
export const PROJECT_HEADER = 'gantry-project';

export const routes = {
  health: {
    method: 'GET',
    path: '/v1/health',
    summary: 'is the controller alive',
    roles: [],
    status: 200,
    response: strict({ ok: Type.Boolean(), version: Type.String() }),
  },
  whoami: {
    method: 'GET',
    path: '/v1/whoami',
    summary: 'what the token is and may',
    roles: ['admin', 'operator', 'viewer', 'agent'],
    status: 200,
    response: Token,
  },
  getCluster: {
    method: 'GET',
    path: '/v1/cluster',
    summary: 'the cluster',
    roles: all,
    status: 200,
    response: Cluster,
  },
  setClusterPolicy: {
    method: 'PATCH',
    path: '/v1/cluster',
    summary: 'set inherited settings of the cluster, of guests and of nodes as hosts',
    roles: admin,
    status: 200,
    body: SetPolicy,
    response: Cluster,
  },
  setClusterAccess: {
    method: 'PATCH',
    path: '/v1/cluster/access',
    summary: 'who may run commands on nodes',
    roles: admin,
    status: 200,
    body: SetClusterAccess,
    response: Cluster,
  },
  setClusterOs: {
    method: 'PATCH',
    path: '/v1/cluster/os',
    summary: 'set parameters of an OS provider',
    roles: admin,
    status: 200,
    body: SetClusterOs,
    response: Cluster,
  },
  listGroups: list('/v1/groups', 'groups', Group),
  getGroup: get('/v1/groups', 'group', Group),
  setGroupPolicy: {
    method: 'PATCH',
    path: '/v1/groups/:ref',
    summary: 'set inherited settings of the group, of guests and of nodes as hosts',
    roles: admin,
    status: 200,
    body: SetPolicy,
    response: Group,
  },
  createGroup: create('/v1/groups', 'group', CreateGroup, Group, admin),
  deleteGroup: remove('/v1/groups', 'group', admin),
  getClusterSettings: settings('/v1/cluster/settings', 'the cluster'),
  getGroupSettings: settings('/v1/groups/:ref/settings', 'a group'),
  getNodeSettings: settings('/v1/nodes/:ref/settings', 'a node and guests on it'),
  listNodes: list('/v1/nodes', 'nodes', Node),
  getNode: { ...get('/v1/nodes', 'node', Node), roles: ['admin', 'operator', 'viewer', 'agent'] },
  setNode: {
    method: 'PATCH',
    path: '/v1/nodes/:ref',
    summary: 'drain, undrain or set offline; set what of it guests may use',
    roles: admin,
    status: 200,
    body: SetNode,
    response: Node,
  },
  planDrain: {
    method: 'GET',
    path: '/v1/nodes/:ref/drain',
    summary: 'what would become of each guest if the node were emptied',
    roles: admin,
    status: 200,
    response: DrainPlan,
  },
  addNode: {
    method: 'POST',
    path: '/v1/nodes',
    summary: 'expect a new node: a token with which one machine may join under this name, once',
    roles: admin,
    status: 201,
    body: AddNode,
    response: NodeAdded,
  },
  removeNode: remove('/v1/nodes', 'node', admin),
  execOnNode: {
    method: 'POST',
    path: '/v1/nodes/:ref/exec',
    summary: 'run a command on the node as root; its output as events `out` and `err` (base64), then `end`',
    roles: operators,
    status: 200,
    stream: 'events',
    body: ExecCommand,
    response: Type.Unknown(),
  },
  putNodeFile: {
    method: 'PUT',
    path: '/v1/nodes/:ref/file',
    summary: 'write a file on the node, whole or not at all',
    roles: operators,
    status: 200,
    stream: 'bytes-in',
    query: FileQuery,
    response: FileWritten,
  },
  listFlavors: list('/v1/flavors', 'flavors', Flavor),
  getFlavor: get('/v1/flavors', 'flavor', Flavor),
  createFlavor: create('/v1/flavors', 'flavor', CreateFlavor, Flavor, admin),
  setFlavor: {
    method: 'PATCH',
    path: '/v1/flavors/:ref',
    summary: 'set or unset extra specs',
    roles: admin,
    status: 200,
    body: SetFlavor,
    response: Flavor,
  },
  deleteFlavor: remove('/v1/flavors', 'flavor', admin),
  listImages: list('/v1/images', 'images', Image),
  getImage: get('/v1/images', 'image', Image),
  createImage: create('/v1/images', 'image', CreateImage, Image),
  setImage: {
    method: 'PATCH',
    path: '/v1/images/:ref',
    summary: 'set or unset image properties',
    roles: operators,
    status: 200,
    body: SetImage,
    response: Image,
  },
  deleteImage: remove('/v1/images', 'image'),
  putImageContent: {
    method: 'PUT',
    path: '/v1/images/:ref/content',
    summary: 'upload the content',
    roles: operators,
    status: 200,
    stream: 'bytes-in',
    response: Image,
  },
  getImageContent: {
    method: 'GET',
    path: '/v1/images/:ref/content',
    summary: 'download the content',
    roles: ['admin', 'operator', 'viewer', 'agent'],
    status: 200,
    stream: 'bytes-out',
    response: Type.Unknown(),
  },
  listNetworks: list('/v1/networks', 'networks', Network),
  getNetwork: get('/v1/networks', 'network', Network),
  createNetwork: create('/v1/networks', 'network', CreateNetwork, Network, admin),
  setNetwork: {
    method: 'PATCH',
    path: '/v1/networks/:ref',
    summary: 'set uplink, VLAN, mtu, groups of nodes or addresses; its bridge and its kind stay',
    roles: admin,
    status: 200,
    body: SetNetwork,
    response: Network,
  },
  listNetworkNodes: {
    method: 'GET',
    path: '/v1/networks/:ref/nodes',
    summary: 'the network on each of its nodes, as that node reports it',
    roles: all,
    status: 200,
    response: strict({ items: Type.Array(Attachment) }),
  },
  deleteNetwork: remove('/v1/networks', 'network', admin),
  listDisks: list('/v1/disks', 'disks', Disk),
  getDisk: get('/v1/disks', 'disk', Disk),
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
  startInstance: act('start'),
  stopInstance: act('stop'),
  rebootInstance: act('reboot'),
  resetInstance: act('reset'),
  pauseInstance: act('pause'),
  resumeInstance: act('resume'),
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
  listOperations: {
    method: 'GET',
    path: '/v1/operations',
    summary: 'list operations, newest first',
    roles: all,
    status: 200,
    query: strict({ ...Paging, target: optional(Ref), active: optional(Type.Boolean()) }),
    response: page(Operation),
  },
  getOperation: {
    method: 'GET',
    path: '/v1/operations/:ref',
    summary: 'show an operation, by number or id',
    roles: all,
    status: 200,
    response: Operation,
  },
  cancelOperation: {
    method: 'POST',
    path: '/v1/operations/:ref/cancel',
    summary: 'cancel: what it made is taken back',
    roles: operators,
    status: 202,
    response: Operation,
  },
  getOperationLog: {
    method: 'GET',
    path: '/v1/operations/:ref/log',
    summary: 'its log',
    roles: all,
    status: 200,
    response: strict({ lines: Type.Array(LogLine) }),
  },
  watchOperation: {
    method: 'GET',
    path: '/v1/operations/:ref/watch',
    summary: 'its changes and log lines until it ends',
    roles: all,
    status: 200,
    stream: 'events',
    response: Type.Unknown(),
  },
  getPlacement: {
    method: 'GET',
    path: '/v1/operations/:ref/placement',
    summary: 'the placement decision of an operation',
    roles: all,
    status: 200,
    response: Type.Unknown(),
  },
  listEvents: {
    method: 'GET',
    path: '/v1/events',
    summary: 'events and audit, newest first',
    roles: all,
    status: 200,
    query: strict({ ...Paging, subject: optional(Type.String()), type: optional(Type.String()) }),
    response: strict({ items: Type.Array(Event), next: optional(Type.String()) }),
  },
  watch: {
    method: 'GET',
    path: '/v1/watch',
    summary: 'changes of resources, gap-free, from a revision',
    roles: all,
    status: 200,
    stream: 'events',
    query: WatchQuery,
    response: Type.Unknown(),
  },
  listProjects: list('/v1/projects', 'projects', Project),
  getProject: get('/v1/projects', 'project', Project),
  createProject: create('/v1/projects', 'project', CreateProject, Project, admin),
  deleteProject: remove('/v1/projects', 'project', admin),
  listTokens: {
    method: 'GET',
    path: '/v1/tokens',
    summary: 'list tokens (never their secrets)',
    roles: admin,
    status: 200,
    query: listQuery,
    response: page(Token),
  },
  createToken: {
    method: 'POST',
    path: '/v1/tokens',
    summary: 'make a token; its secret is shown this once',
    roles: admin,
    status: 201,
    body: CreateToken,
    response: strict({ token: Token, secret: Type.String() }),
  },
  deleteToken: remove('/v1/tokens', 'token', admin),
  listTasks: {
    method: 'GET',
    path: '/v1/tasks',
    summary: 'the controller’s background tasks and how they are doing',
    roles: admin,
    status: 200,
    response: strict({ items: Type.Array(TaskStatus) }),
  },
  // --- machines that become nodes, and agents
  joinNode: {
    method: 'POST',
    path: '/v1/join',
    summary: 'become the node that the join token names',
    roles: ['join'],
    status: 200,
    body: JoinNode,
    response: NodeCertificates,
  },
  renewCertificates: {
    method: 'POST',
    path: '/v1/agent/certificates',
    summary: 'new certificates for new keys of this node',
    roles: agent,
    status: 200,
    body: RenewCertificates,
    response: NodeCertificates,
  },
  getAssignments: {
    method: 'GET',
    path: '/v1/agent/assignments',
    summary: 'all that this node shall be',
    roles: agent,
    status: 200,
    query: Speaker,
    response: Assignments,
  },
  watchAssignments: {
    method: 'GET',
    path: '/v1/agent/watch',
    summary: 'wake-ups: assignments changed; tunnel requests',
    roles: agent,
    status: 200,
    stream: 'events',
    query: strict({ from: optional(Revision) }),
    response: Type.Unknown(),
  },
  report: {
    method: 'POST',
    path: '/v1/agent/reports',
    summary: 'what the node is',
    roles: agent,
    status: 200,
    body: Report,
    response: ReportAnswer,
  },
  tunnel: {
    method: 'GET',
    path: '/v1/agent/tunnels/:id',
    summary: 'the agent’s end of a byte stream',
    roles: agent,
    status: 101,
    stream: 'websocket',
    response: Type.Unknown(),
  },
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
export type Body<N extends RouteName> = Routes[N] extends { body: infer B extends TSchema }
  ? Static<B>
  : undefined;
export type Query<N extends RouteName> = Routes[N] extends { query: infer Q extends TSchema }
  ? Static<Q>
  : undefined;
export type Response<N extends RouteName> = Routes[N] extends { response: infer R extends TSchema }
  ? Static<R>
  : never;
export type Plan = Static<typeof Plan>;
