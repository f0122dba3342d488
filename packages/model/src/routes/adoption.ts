/** Routes: domains that somebody else made. */
import { ImportInstance, ImportPlan, ReleaseInstance } from '../adoption-requests.ts';
import { Operation } from '../resources/operation.ts';
import { Type } from '../schema.ts';
import { act, admin, planQuery, type Route } from './shapes.ts';

export const adoptionRoutes = {
  importInstance: {
    method: 'POST',
    path: '/v1/imports',
    summary: 'take a domain of a node’s libvirt under management as it is, without stopping it',
    roles: admin,
    status: 202,
    query: planQuery,
    body: ImportInstance,
    response: Type.Union([Operation, ImportPlan]),
  },
  releaseInstance: {
    ...act('release'),
    summary: 'give an imported instance back: its domain goes on, and Gantry forgets it',
    roles: admin,
    body: ReleaseInstance,
  },
} as const satisfies Record<string, Route>;
