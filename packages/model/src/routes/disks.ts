/** Routes: disks, by themselves and as devices of instances. */
import { AttachDisk, CreateDisk, DetachQuery, GrowDisk, SetDisk } from '../disk-requests.ts';
import { Disk } from '../resources/disk.ts';
import { create, get, list, OperationOrPlan, operators, planQuery, type Route, remove } from './shapes.ts';

export const disksRoutes = {
  listDisks: list('/v1/disks', 'disks', Disk),
  getDisk: get('/v1/disks', 'disk', Disk),
  createDisk: create('/v1/disks', 'disk', CreateDisk, Disk),
  growDisk: {
    method: 'POST',
    path: '/v1/disks/:ref/grow',
    summary: 'make a disk larger, also under a running guest',
    roles: operators,
    status: 202,
    query: planQuery,
    body: GrowDisk,
    response: OperationOrPlan,
  },
  deleteDisk: remove('/v1/disks', 'disk', Disk),
  attachDisk: {
    method: 'POST',
    path: '/v1/instances/:ref/disks',
    summary: 'give an instance a disk; a running guest gets it at once where its bus can',
    roles: operators,
    status: 202,
    query: planQuery,
    body: AttachDisk,
    response: OperationOrPlan,
  },
  detachDisk: {
    method: 'DELETE',
    path: '/v1/instances/:ref/disks/:disk',
    summary: 'take a disk from an instance, as soon as its guest gives it up; the bytes stay',
    roles: operators,
    status: 202,
    query: DetachQuery,
    response: OperationOrPlan,
  },
  setDisk: {
    method: 'PATCH',
    path: '/v1/instances/:ref/disks/:disk',
    summary: 'bus, cache and limits of a disk in its instance',
    roles: operators,
    status: 202,
    query: planQuery,
    body: SetDisk,
    response: OperationOrPlan,
  },
} as const satisfies Record<string, Route>;
