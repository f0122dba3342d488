/** Routes: the cluster, its groups, and the settings that hold. */
import { BalanceCluster, BalancePlan } from '../balancing.ts';
import { CreateGroup, SetClusterAccess, SetClusterOs, SetPolicy } from '../requests.ts';
import { Cluster } from '../resources/cluster.ts';
import { Verified } from '../resources/finding.ts';
import { Group } from '../resources/group.ts';
import { Operation } from '../resources/operation.ts';
import { optional, strict, Type } from '../schema.ts';
import {
  admin,
  all,
  clusterOperators,
  create,
  Empty,
  get,
  list,
  Plan,
  planQuery,
  type Route,
  remove,
  settings,
} from './shapes.ts';

export const clusterRoutes = {
  health: {
    method: 'GET',
    path: '/v1/health',
    summary: 'is the controller alive',
    roles: [],
    status: 200,
    response: strict({ ok: Type.Boolean(), version: Type.String() }),
  },
  getCluster: {
    method: 'GET',
    path: '/v1/cluster',
    summary: 'the cluster',
    roles: all,
    status: 200,
    response: Cluster,
  },
  verifyCluster: {
    method: 'GET',
    path: '/v1/cluster/verify',
    summary: 'everything that should hold and does not, in the store and on the nodes; changes nothing',
    roles: clusterOperators,
    status: 200,
    query: strict({ checks: optional(Type.String({ description: 'only these, separated by commas' })) }),
    response: Verified,
  },
  balanceCluster: {
    method: 'POST',
    path: '/v1/cluster/balance',
    summary:
      'move guests so that the nodes of each group are evenly used, as long as each move lowers the score',
    roles: clusterOperators,
    status: 202,
    query: planQuery,
    body: BalanceCluster,
    response: Type.Union([Operation, BalancePlan]),
  },
  setClusterPolicy: {
    method: 'PATCH',
    path: '/v1/cluster',
    summary: 'set inherited settings of the cluster, of guests and of nodes as hosts',
    roles: admin,
    status: 200,
    query: planQuery,
    body: SetPolicy,
    response: Type.Union([Cluster, Plan]),
  },
  setClusterAccess: {
    method: 'PATCH',
    path: '/v1/cluster/access',
    summary: 'who may run commands on nodes; how long it is remembered who did what',
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
    query: planQuery,
    body: SetPolicy,
    response: Type.Union([Group, Plan]),
  },
  createGroup: create('/v1/groups', 'group', CreateGroup, Group, admin),
  deleteGroup: remove('/v1/groups', 'group', Group, admin),
  narrowCpuBaseline: {
    method: 'POST',
    path: '/v1/groups/:ref/cpu-baseline',
    summary:
      'compute the CPU that all nodes of the group can give anew, even if guests started from then on get less',
    roles: admin,
    status: 200,
    query: planQuery,
    body: Empty,
    response: Type.Union([Group, Plan]),
  },
  getClusterSettings: settings('/v1/cluster/settings', 'the cluster'),
  getGroupSettings: settings('/v1/groups/:ref/settings', 'a group'),
  getNodeSettings: settings('/v1/nodes/:ref/settings', 'a node and guests on it'),
} as const satisfies Record<string, Route>;
