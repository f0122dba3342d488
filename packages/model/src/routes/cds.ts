/** Routes: CD drives of instances. */
import { AttachCd, EjectQuery, InsertCd } from '../cd-requests.ts';
import { DetachQuery } from '../disk-requests.ts';
import { OperationOrPlan, operators, planQuery, type Route } from './shapes.ts';

export const cdsRoutes = {
  attachCd: {
    method: 'POST',
    path: '/v1/instances/:ref/cds',
    summary: 'give an instance a CD drive; a running guest gets it at once on SCSI, else at its next start',
    roles: operators,
    status: 202,
    query: planQuery,
    body: AttachCd,
    response: OperationOrPlan,
  },
  detachCd: {
    method: 'DELETE',
    path: '/v1/instances/:ref/cds/:cd',
    summary: 'take a CD drive from an instance; from a running guest at once on SCSI, else at its next start',
    roles: operators,
    status: 202,
    query: DetachQuery,
    response: OperationOrPlan,
  },
  insertCd: {
    method: 'PUT',
    path: '/v1/instances/:ref/cds/:cd/media',
    summary: 'put an ISO image into a CD drive',
    roles: operators,
    status: 202,
    query: planQuery,
    body: InsertCd,
    response: OperationOrPlan,
  },
  ejectCd: {
    method: 'DELETE',
    path: '/v1/instances/:ref/cds/:cd/media',
    summary: 'take the ISO image out of a CD drive',
    roles: operators,
    status: 202,
    query: EjectQuery,
    response: OperationOrPlan,
  },
} as const satisfies Record<string, Route>;
