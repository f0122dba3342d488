/** Small objects for tests of the store. */
import type { Flavor, Instance } from '@gantry/model';
import { Draft } from '../src/store/batch.ts';

export const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const at = Date.UTC(2026, 0, 1);

export const flavor = (number: number, name = `f${number}`): Flavor => ({
  kind: 'flavor',
  id: uuid(number),
  name,
  revision: '0.0',
  generation: 1,
  createdAt: new Date(at).toISOString(),
  spec: { vcpus: 1, memoryMiB: 1 },
  status: {},
});

export const draft = (): Draft => new Draft(at);

export const instance = (number: number, project: number, node?: number): Instance =>
  ({
    kind: 'instance',
    id: uuid(number),
    name: `i${number}`,
    project: uuid(project),
    labels: { parity: number % 2 ? 'odd' : 'even' },
    revision: '0.0',
    generation: 1,
    createdAt: new Date(at).toISOString(),
    spec: {
      vcpus: 1,
      memoryMiB: 1,
      boot: { kernel: 'disk' },
      disks: [],
      nics: [],
      power: 'running',
      personality: {},
    },
    status: { state: 'running', ...(node ? { node: uuid(node) } : {}), timeline: {}, conditions: [] },
  }) as unknown as Instance;
