/** What routes are made of: roles, queries, and the usual list, get, create, delete. */
import { EffectiveSetting } from '../inheritance.ts';
import { InstanceActionBody } from '../requests.ts';
import { Revision } from '../resources/common.ts';
import { Operation } from '../resources/operation.ts';
import type { RouteRole } from '../roles.ts';
import { optional, strict, type TSchema, Type } from '../schema.ts';

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:name` parts are parameters. */
  path: string;
  summary: string;
  /** Empty: anyone. */
  roles: readonly RouteRole[];
  status: number;
  query?: TSchema;
  body?: TSchema;
  response: TSchema;
  /** How the body travels: JSON (default), server-sent events, or raw bytes. */
  stream?: 'events' | 'bytes-in' | 'bytes-out' | 'websocket';
}

/** Roles that may; who has none of them is refused. Of a thing in a project the role in that project counts. */
export const all = [
  ...(['admin', 'operator', 'viewer'] as const),
  ...(['project-admin', 'project-operator', 'project-viewer'] as const),
] as const;
export const operators = ['admin', 'operator', 'project-admin', 'project-operator'] as const;
export const projectAdmins = ['admin', 'project-admin'] as const;
/** In the whole cluster. */
export const clusterOperators = ['admin', 'operator'] as const;
export const admin = ['admin'] as const;
export const agent = ['agent'] as const;

export const page = <T extends TSchema>(items: T) =>
  strict({
    items: Type.Array(items),
    revision: Revision,
    next: optional(Type.String({ description: 'cursor of the next page' })),
  });
export const Paging = {
  limit: optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  cursor: optional(Type.String()),
};
export const listQuery = strict({
  ...Paging,
  labels: optional(Type.String({ description: 'key=value[,key=value]' })),
});
export const planQuery = strict({
  plan: optional(Type.Boolean({ description: 'only say what would happen' })),
});
export const Empty = strict({});
export const Plan = strict(
  { plan: Type.Array(Type.String()), placement: optional(Type.Unknown()) },
  { description: 'what would happen, line by line' },
);
export const OperationOrPlan = Type.Union([Operation, Plan]);

export const list = <T extends TSchema>(path: string, kind: string, of: T) =>
  ({
    method: 'GET',
    path,
    summary: `list ${kind}`,
    roles: all,
    status: 200,
    query: listQuery,
    response: page(of),
  }) as const;
export const get = <T extends TSchema>(path: string, kind: string, of: T) =>
  ({
    method: 'GET',
    path: `${path}/:ref`,
    summary: `show one ${kind}, by name or id`,
    roles: all,
    status: 200,
    response: of,
  }) as const;
export const create = <B extends TSchema, T extends TSchema>(
  path: string,
  kind: string,
  body: B,
  of: T,
  who: readonly RouteRole[] = operators,
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
/** Answers what was removed, as it was. */
export const remove = <P extends string, T extends TSchema>(
  path: P,
  kind: string,
  of: T,
  who: readonly RouteRole[] = operators,
) =>
  ({
    method: 'DELETE',
    path: `${path}/:ref`,
    summary: `delete a ${kind}`,
    roles: who,
    status: 200,
    query: planQuery,
    response: of,
  }) as const;
export const settings = <P extends string>(path: P, what: string) =>
  ({
    method: 'GET',
    path,
    summary: `settings that hold for ${what}, each with the level that says so`,
    roles: all,
    status: 200,
    response: strict({ items: Type.Array(EffectiveSetting) }),
  }) as const;
export const act = (verb: string) =>
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
export const inside = <P extends string, B extends TSchema>(path: P, summary: string, body: B) =>
  ({
    method: 'PUT',
    path: `/v1/instances/:ref/${path}`,
    summary,
    roles: operators,
    status: 200,
    body,
    response: Empty,
  }) as const;
