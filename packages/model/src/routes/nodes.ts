/** Routes: nodes, and commands on them. */
import { EvacuateNode } from '../evacuation.ts';
import { AddNode, NodeAdded } from '../joining.ts';
import { LeaveWith } from '../node-calls.ts';
import { ExecCommand, FileQuery, FileWritten } from '../node-commands.ts';
import { SetNode } from '../requests.ts';
import { DrainPlan } from '../resources/drain.ts';
import { Node, NodeProbed } from '../resources/node.ts';
import { Operation } from '../resources/operation.ts';
import { optional, strict, Type } from '../schema.ts';
import { admin, all, clusterOperators, get, list, Plan, planQuery, type Route, remove } from './shapes.ts';

export const nodesRoutes = {
  listNodes: list('/v1/nodes', 'nodes', Node),
  getNode: { ...get('/v1/nodes', 'node', Node), roles: [...all, 'agent'] },
  setNode: {
    method: 'PATCH',
    path: '/v1/nodes/:ref',
    summary: 'drain, undrain or set offline; set what of it guests may use',
    roles: admin,
    status: 200,
    query: planQuery,
    body: SetNode,
    response: Type.Union([Node, Plan]),
  },
  planDrain: {
    method: 'GET',
    path: '/v1/nodes/:ref/drain',
    summary: 'what would become of each guest if the node were emptied',
    roles: admin,
    status: 200,
    response: DrainPlan,
  },
  evacuateNode: {
    method: 'POST',
    path: '/v1/nodes/:ref/evacuate',
    summary: 'let it take no new guests, and move its guests to other nodes of the group',
    roles: admin,
    status: 202,
    query: planQuery,
    body: EvacuateNode,
    response: Type.Union([Operation, DrainPlan]),
  },
  probeNode: {
    method: 'POST',
    path: '/v1/nodes/:ref/probe',
    summary:
      'let the agent find out its facts anew, with the self-test of the accelerator; up to two minutes',
    roles: admin,
    status: 200,
    response: NodeProbed,
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
  removeNode: {
    ...remove('/v1/nodes', 'node', Node, admin),
    query: strict({
      ...planQuery.properties,
      leave: optional(LeaveWith),
    }),
  },
  execOnNode: {
    method: 'POST',
    path: '/v1/nodes/:ref/exec',
    summary: 'run a command on the node as root; its output as events `out` and `err` (base64), then `end`',
    roles: clusterOperators,
    status: 200,
    stream: 'events',
    body: ExecCommand,
    response: Type.Unknown(),
  },
  putNodeFile: {
    method: 'PUT',
    path: '/v1/nodes/:ref/file',
    summary: 'write a file on the node, whole or not at all',
    roles: clusterOperators,
    status: 200,
    stream: 'bytes-in',
    query: FileQuery,
    response: FileWritten,
  },
} as const satisfies Record<string, Route>;
