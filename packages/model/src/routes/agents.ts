/** Routes: machines that become nodes, and agents. */
import { Assignments, Report, ReportAnswer, Speaker } from '../assignments.ts';
import { JoinNode, NodeCertificates, RenewCertificates, Revocations } from '../joining.ts';
import { Revision } from '../resources/common.ts';
import { optional, strict, Type } from '../schema.ts';
import { agent, type Route } from './shapes.ts';

export const agentsRoutes = {
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
  getRevocations: {
    method: 'GET',
    path: '/v1/agent/revocations',
    summary: 'certificates that count no more though they have not ended',
    roles: agent,
    status: 200,
    response: Revocations,
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
    query: strict({ from: optional(Revision), ...Speaker.properties }),
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
