import { err, type GuestSpec, type Problem, toProblem } from '@gantry/model';
import { describe, expect, test } from 'vitest';
import type { GuestMemory } from '../env.ts';
import { assignmentsOf, domainOf, guestOf, ids, inputOf, observationOf } from '../testing/assignments.ts';
import type { PlanInput } from './input.ts';
import { plan } from './plan.ts';
import { stallMs } from './size.ts';

const at = inputOf().now;
const grown: GuestSpec['input'] = { ...guestOf().spec.input, vcpus: 2, maxVcpus: 4, maxMemoryMiB: 1024 };

/** One look at a running guest of 2 vCPUs and 512 MiB, with room for 4 and 1024. */
function look(
  size: { vcpus: number; memoryMiB: number },
  memory: Partial<GuestMemory> = {},
  change: Partial<PlanInput> = {},
  spec: Partial<GuestSpec> = {},
) {
  const guests = [guestOf({ input: grown, ...spec })];
  const planned = plan(
    inputOf({
      assignments: assignmentsOf({ guests }),
      observation: observationOf({ domains: [domainOf('running', 'booted', { size })] }),
      memory: { acts: {}, guests: { [ids.instance]: { restarts: [], ranInBoot: 'boot-1', ...memory } } },
      ...change,
    }),
  );
  const report = planned.statuses.find(({ kind }) => kind === 'guest');
  return {
    actions: planned.actions.filter(({ do: name }) => name.startsWith('guest.')),
    status: report?.status as { state: string; size?: object; error?: Problem },
    memory: planned.guests[ids.instance] as GuestMemory,
    wakeAt: planned.wakeAt,
  };
}

describe('CPUs', () => {
  test('are plugged until it has as many as it shall', () => {
    const { actions, status } = look({ vcpus: 1, memoryMiB: 512 });
    expect(actions).toEqual([{ do: 'guest.setVcpus', instance: ids.instance, vcpus: 2 }]);
    expect(status).toMatchObject({ state: 'running', size: { vcpus: 1, memoryMiB: 512 } });
    expect(look({ vcpus: 3, memoryMiB: 512 }).actions).toMatchObject([{ vcpus: 2 }]);
  });

  test('that it shall have are remembered: what somebody changes later by hand stays', () => {
    const { memory, actions } = look({ vcpus: 2, memoryMiB: 512 });
    expect(actions).toEqual([]);
    expect(look({ vcpus: 4, memoryMiB: 512 }, memory).actions).toEqual([]);
    const more = { input: { ...grown, vcpus: 3 } };
    expect(look({ vcpus: 4, memoryMiB: 512 }, memory, {}, more).actions).toMatchObject([{ vcpus: 3 }]);
  });

  test('of one that stops, or stands still, are left', () => {
    expect(look({ vcpus: 1, memoryMiB: 512 }, {}, {}, { power: 'stopped' }).actions).toMatchObject([
      { do: 'guest.shutdown' },
    ]);
    const domains = [domainOf('paused', 'user', { size: { vcpus: 1, memoryMiB: 900 } })];
    const paused = look({ vcpus: 1, memoryMiB: 512 }, {}, { observation: observationOf({ domains }) });
    expect(paused.actions).toEqual([]);
    expect(paused.status).toMatchObject({ state: 'paused', size: { memoryMiB: 900 } });
  });

  test('that it does not give up are asked for again, later and later, and told of', () => {
    const problem = { type: 't', code: 'hypervisor_error', title: 'unplug refused', status: 502 };
    const failing = (attempts: number) =>
      new Map([[`vcpus:${ids.instance}`, { generation: 1, problem, attempts, retryAt: at + 5000 }]]);
    const early = look({ vcpus: 4, memoryMiB: 512 }, {}, { failures: failing(2) });
    expect([early.actions, early.status.error, early.wakeAt]).toEqual([[], undefined, at + 5000]);
    const late = look({ vcpus: 4, memoryMiB: 512 }, {}, { failures: failing(3) });
    expect(late.status).toMatchObject({
      state: 'running',
      error: { code: 'guest_kept', title: expect.stringContaining('unplug refused') },
    });
  });

  test('that a guest has kept, waited for, are told of at once and in the same words', () => {
    const said = toProblem(err('guest_kept', { name: 'web1', what: '4 virtual CPUs', why: 'it refuses' }));
    const failures = new Map([
      [`vcpus:${ids.instance}`, { generation: 1, problem: said, attempts: 1, retryAt: at + 5000 }],
    ]);
    const { actions, status, wakeAt } = look({ vcpus: 4, memoryMiB: 512 }, {}, { failures });
    expect([actions, status.error, wakeAt]).toEqual([[], said, at + 5000]);
  });
});

describe('memory', () => {
  const cpus = { vcpus: 2 };

  test('is asked for once, and looked at while it moves', () => {
    const first = look({ ...cpus, memoryMiB: 1024 });
    expect(first.actions).toEqual([{ do: 'guest.setMemory', instance: ids.instance, memoryMiB: 512 }]);
    expect(first.status).toMatchObject({ size: { memoryMiB: 1024 } });
    expect(first.wakeAt).toBe(at + 1000);
    const second = look({ ...cpus, memoryMiB: 700 }, first.memory, { now: at + 1000 });
    expect(second.actions).toEqual([]);
    // not every size on the way
    expect(second.status).toMatchObject({ size: { memoryMiB: 1024 } });
    const third = look({ ...cpus, memoryMiB: 512 }, second.memory, { now: at + 2000 });
    expect(third.status).toMatchObject({ size: { memoryMiB: 512 } });
    expect(third.status.error).toBeUndefined();
    expect(third.memory.ballooning).toBeUndefined();
  });

  test('that it keeps is told of, and asked for again now and then', () => {
    const { memory } = look({ ...cpus, memoryMiB: 1024 });
    const stalled = look({ ...cpus, memoryMiB: 1024 }, memory, { now: at + stallMs });
    expect(stalled.actions).toEqual([]);
    expect(stalled.status).toMatchObject({
      state: 'running',
      size: { memoryMiB: 1024 },
      error: { code: 'guest_kept', title: expect.stringContaining('virtio_balloon') },
    });
    expect(stalled.wakeAt).toBe(at + 60_000);
    const again = look({ ...cpus, memoryMiB: 1024 }, stalled.memory, { now: at + 60_000 });
    expect(again.actions).toMatchObject([{ do: 'guest.setMemory', memoryMiB: 512 }]);
    const given = look({ ...cpus, memoryMiB: 512 }, again.memory, { now: at + 61_000 });
    expect(given.status.error).toBeUndefined();
  });

  test('of another wish is asked for at once', () => {
    const { memory } = look({ ...cpus, memoryMiB: 1024 });
    const more = { input: { ...grown, memoryMiB: 768 } };
    expect(look({ ...cpus, memoryMiB: 1024 }, memory, { now: at + 10 }, more).actions).toMatchObject([
      { do: 'guest.setMemory', memoryMiB: 768 },
    ]);
  });

  test('that somebody took by hand stays', () => {
    const { memory } = look({ ...cpus, memoryMiB: 512 });
    const taken = look({ ...cpus, memoryMiB: 400 }, memory);
    expect([taken.actions, taken.status.size]).toEqual([[], { vcpus: 2, memoryMiB: 400 }]);
  });
});

test('another start forgets what the one before had reached', () => {
  const { memory } = look({ vcpus: 2, memoryMiB: 512 });
  expect(memory.sized).toEqual({ vcpus: 2, memoryMiB: 512 });
  const down = look({ vcpus: 2, memoryMiB: 512 }, memory, { observation: observationOf() });
  expect(down.actions).toMatchObject([{ do: 'guest.start' }]);
  expect(down.memory.sized).toBeUndefined();
});
