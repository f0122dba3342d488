/** Routes: operations, events, tasks. */
import { Ref } from '../requests.ts';
import { Revision } from '../resources/common.ts';
import { Event } from '../resources/event.ts';
import { LogLine, Operation } from '../resources/operation.ts';
import { optional, type Static, strict, Timestamp, Type } from '../schema.ts';
import { admin, all, operators, Paging, page, projectAdmins, type Route } from './shapes.ts';

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

export const recordsRoutes = {
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
    summary:
      'the placement decision of an operation, or of a request that found no place (`req_...`, kept for a day)',
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
  listAudit: {
    method: 'GET',
    path: '/v1/audit',
    summary: 'who asked for what and what came of it, newest first; of a project for its administrators',
    roles: projectAdmins,
    status: 200,
    query: strict({
      ...Paging,
      user: optional(Type.String({ maxLength: 63, description: 'name, as it was then' })),
      subject: optional(Ref),
      since: optional(Timestamp),
      until: optional(Timestamp),
      refused: optional(
        Type.Boolean({ description: 'only what was refused or failed, or only what was not' }),
      ),
    }),
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
  listTasks: {
    method: 'GET',
    path: '/v1/tasks',
    summary: 'the controller’s background tasks and how they are doing',
    roles: admin,
    status: 200,
    response: strict({ items: Type.Array(TaskStatus) }),
  },
} as const satisfies Record<string, Route>;
