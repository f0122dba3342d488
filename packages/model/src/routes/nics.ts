/** Routes: NICs of instances. */
import { DetachQuery } from '../disk-requests.ts';
import { AttachNic, SetNic } from '../nic-requests.ts';
import { OperationOrPlan, operators, planQuery, type Route } from './shapes.ts';

export const nicsRoutes = {
  attachNic: {
    method: 'POST',
    path: '/v1/instances/:ref/nics',
    summary: 'give an instance a NIC; a running guest gets it at once',
    roles: operators,
    status: 202,
    query: planQuery,
    body: AttachNic,
    response: OperationOrPlan,
  },
  detachNic: {
    method: 'DELETE',
    path: '/v1/instances/:ref/nics/:nic',
    summary: 'take a NIC from an instance, as soon as its guest gives it up; its addresses are free then',
    roles: operators,
    status: 202,
    query: DetachQuery,
    response: OperationOrPlan,
  },
  setNic: {
    method: 'PATCH',
    path: '/v1/instances/:ref/nics/:nic',
    summary: 'network, address and link of a NIC',
    roles: operators,
    status: 202,
    query: planQuery,
    body: SetNic,
    response: OperationOrPlan,
  },
} as const satisfies Record<string, Route>;
