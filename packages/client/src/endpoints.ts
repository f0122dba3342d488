/**
 * Method and path of every route, without its schemas: building those costs a short command more than its own work.
 * A test holds this list equal to the route table of the model.
 */
import type { Route, RouteName } from '@gantry/model';

export const endpoints = {
  health: 'GET /v1/health',
  whoami: 'GET /v1/whoami',
  verifyCluster: 'GET /v1/cluster/verify',
  getCluster: 'GET /v1/cluster',
  setClusterPolicy: 'PATCH /v1/cluster',
  setClusterAccess: 'PATCH /v1/cluster/access',
  setClusterOs: 'PATCH /v1/cluster/os',
  listGroups: 'GET /v1/groups',
  getGroup: 'GET /v1/groups/:ref',
  setGroupPolicy: 'PATCH /v1/groups/:ref',
  createGroup: 'POST /v1/groups',
  deleteGroup: 'DELETE /v1/groups/:ref',
  getClusterSettings: 'GET /v1/cluster/settings',
  narrowCpuBaseline: 'POST /v1/groups/:ref/cpu-baseline',
  getGroupSettings: 'GET /v1/groups/:ref/settings',
  getNodeSettings: 'GET /v1/nodes/:ref/settings',
  listNodes: 'GET /v1/nodes',
  getNode: 'GET /v1/nodes/:ref',
  planDrain: 'GET /v1/nodes/:ref/drain',
  setNode: 'PATCH /v1/nodes/:ref',
  addNode: 'POST /v1/nodes',
  removeNode: 'DELETE /v1/nodes/:ref',
  execOnNode: 'POST /v1/nodes/:ref/exec',
  putNodeFile: 'PUT /v1/nodes/:ref/file',
  listFlavors: 'GET /v1/flavors',
  getFlavor: 'GET /v1/flavors/:ref',
  createFlavor: 'POST /v1/flavors',
  setFlavor: 'PATCH /v1/flavors/:ref',
  deleteFlavor: 'DELETE /v1/flavors/:ref',
  listImages: 'GET /v1/images',
  getImage: 'GET /v1/images/:ref',
  createImage: 'POST /v1/images',
  setImage: 'PATCH /v1/images/:ref',
  deleteImage: 'DELETE /v1/images/:ref',
  putImageContent: 'PUT /v1/images/:ref/content',
  getImageContent: 'GET /v1/images/:ref/content',
  listNetworks: 'GET /v1/networks',
  getNetwork: 'GET /v1/networks/:ref',
  createNetwork: 'POST /v1/networks',
  setNetwork: 'PATCH /v1/networks/:ref',
  listNetworkNodes: 'GET /v1/networks/:ref/nodes',
  deleteNetwork: 'DELETE /v1/networks/:ref',
  listDisks: 'GET /v1/disks',
  getDisk: 'GET /v1/disks/:ref',
  attachNic: 'POST /v1/instances/:ref/nics',
  detachNic: 'DELETE /v1/instances/:ref/nics/:nic',
  setNic: 'PATCH /v1/instances/:ref/nics/:nic',
  createDisk: 'POST /v1/disks',
  growDisk: 'POST /v1/disks/:ref/grow',
  deleteDisk: 'DELETE /v1/disks/:ref',
  attachDisk: 'POST /v1/instances/:ref/disks',
  detachDisk: 'DELETE /v1/instances/:ref/disks/:disk',
  setDisk: 'PATCH /v1/instances/:ref/disks/:disk',
  listInstances: 'GET /v1/instances',
  getInstance: 'GET /v1/instances/:ref',
  getInstanceAffinity: 'GET /v1/instances/:ref/affinity',
  getInstanceGuest: 'GET /v1/instances/:ref/guest',
  diffInstance: 'GET /v1/instances/:ref/diff',
  createInstance: 'POST /v1/instances',
  startInstance: 'POST /v1/instances/:ref/start',
  stopInstance: 'POST /v1/instances/:ref/stop',
  rebootInstance: 'POST /v1/instances/:ref/reboot',
  resetInstance: 'POST /v1/instances/:ref/reset',
  pauseInstance: 'POST /v1/instances/:ref/pause',
  resumeInstance: 'POST /v1/instances/:ref/resume',
  suspendInstance: 'POST /v1/instances/:ref/suspend',
  setInstance: 'PATCH /v1/instances/:ref',
  lockInstance: 'PUT /v1/instances/:ref/lock',
  unlockInstance: 'DELETE /v1/instances/:ref/lock',
  renameInstance: 'POST /v1/instances/:ref/rename',
  moveInstance: 'POST /v1/instances/:ref/move',
  nmiInstance: 'POST /v1/instances/:ref/nmi',
  sendKeyInstance: 'POST /v1/instances/:ref/send-key',
  pingInstanceAgent: 'GET /v1/instances/:ref/agent',
  setInstancePassword: 'PUT /v1/instances/:ref/password',
  addInstanceKeys: 'PUT /v1/instances/:ref/ssh-keys',
  getInstanceStats: 'GET /v1/instances/:ref/stats',
  listInstanceStats: 'GET /v1/stats',
  deleteInstance: 'DELETE /v1/instances/:ref',
  execInInstance: 'POST /v1/instances/:ref/exec',
  instanceConsole: 'GET /v1/instances/:ref/console',
  instanceVnc: 'GET /v1/instances/:ref/vnc',
  instanceScreenshot: 'GET /v1/instances/:ref/screenshot',
  instanceLogs: 'GET /v1/instances/:ref/logs',
  listOperations: 'GET /v1/operations',
  getOperation: 'GET /v1/operations/:ref',
  cancelOperation: 'POST /v1/operations/:ref/cancel',
  getOperationLog: 'GET /v1/operations/:ref/log',
  watchOperation: 'GET /v1/operations/:ref/watch',
  getPlacement: 'GET /v1/operations/:ref/placement',
  listEvents: 'GET /v1/events',
  listAudit: 'GET /v1/audit',
  watch: 'GET /v1/watch',
  listUsers: 'GET /v1/users',
  getUser: 'GET /v1/users/:ref',
  createUser: 'POST /v1/users',
  setUser: 'PATCH /v1/users/:ref',
  deleteUser: 'DELETE /v1/users/:ref',
  listProjects: 'GET /v1/projects',
  getProject: 'GET /v1/projects/:ref',
  createProject: 'POST /v1/projects',
  setProject: 'PATCH /v1/projects/:ref',
  deleteProject: 'DELETE /v1/projects/:ref',
  listMembers: 'GET /v1/projects/:ref/members',
  grantProject: 'PUT /v1/projects/:ref/members/:user',
  revokeProject: 'DELETE /v1/projects/:ref/members/:user',
  listTasks: 'GET /v1/tasks',
  listTokens: 'GET /v1/tokens',
  createToken: 'POST /v1/tokens',
  revokeToken: 'POST /v1/tokens/:ref/revoke',
  deleteToken: 'DELETE /v1/tokens/:ref',
  joinNode: 'POST /v1/join',
  renewCertificates: 'POST /v1/agent/certificates',
  getRevocations: 'GET /v1/agent/revocations',
  getAssignments: 'GET /v1/agent/assignments',
  watchAssignments: 'GET /v1/agent/watch',
  report: 'POST /v1/agent/reports',
  tunnel: 'GET /v1/agent/tunnels/:id',
} as const satisfies Record<RouteName, `${Route['method']} /v1/${string}`>;

type ParametersOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParametersOf<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

/** Names of the parameters in the path of a route. */
export type PathParameter<N extends RouteName> = ParametersOf<(typeof endpoints)[N]>;

export type QueryValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** Method and address of a call, every value percent-encoded. */
export function addressOf(
  name: RouteName,
  params: Readonly<Record<string, string>>,
  query: QueryValues,
): { method: string; path: string } {
  const [method = 'GET', template = ''] = endpoints[name].split(' ');
  const path = template.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? ''));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = pairs.map(
    ([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`,
  );
  return { method, path: search.length > 0 ? `${path}?${search.join('&')}` : path };
}
