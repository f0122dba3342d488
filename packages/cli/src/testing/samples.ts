/** Objects of the API, as small as they may be. */
import type { Flavor, Instance, Operation } from '@gantry/model';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const envelope = (n: number) => ({
  id: id(n),
  revision: '1.1',
  generation: 1,
  createdAt: '2026-01-01T10:00:00.000Z',
});

export const instance = (name: string, over: Partial<Instance['status']> = {}, n = 1): Instance =>
  ({
    ...envelope(n),
    kind: 'instance',
    name,
    spec: {
      vcpus: 2,
      memoryMiB: 1024,
      boot: { kernel: 'disk' },
      disks: [],
      nics: [{ network: id(90), mac: '52:54:00:00:00:01', ipv4: '10.0.0.7', prefix: 24 }],
      power: 'running',
      personality: {},
    },
    status: { state: 'running', node: id(50), timeline: {}, conditions: [], ...over },
  }) as unknown as Instance;

export const flavor = (name: string, extraSpecs: Record<string, string> = {}): Flavor =>
  ({
    ...envelope(20),
    kind: 'flavor',
    name,
    spec: { vcpus: 1, memoryMiB: 512, extraSpecs },
    status: {},
  }) as unknown as Flavor;

export const node = (name: string): object => ({
  ...envelope(50),
  kind: 'node',
  name,
  spec: { group: id(60), role: 'active' },
  status: { state: 'ready', conditions: [] },
});

export const operation = (
  state: Operation['status']['state'],
  over: Partial<Operation['status']> = {},
): Operation =>
  ({
    ...envelope(70),
    kind: 'operation',
    name: '12',
    spec: {
      number: 12,
      kind: 'instance.create',
      target: { kind: 'instance', id: id(1), name: 'web1' },
      requester: 'admin',
      deadline: '2026-01-01T10:10:00.000Z',
      deadlineMs: 600_000,
      input: {},
    },
    status: {
      state,
      steps: [],
      attempts: 1,
      ...(state === 'succeeded' ? { endedAt: '2026-01-01T10:00:01.800Z' } : {}),
      ...over,
    },
  }) as unknown as Operation;
