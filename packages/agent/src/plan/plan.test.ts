import type { GuestSpec } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GuestMemory } from '../env.ts';
import type { Observation, SeenDomain } from '../observation.ts';
import {
  actOf,
  assignmentsOf,
  attachmentOf,
  domainOf,
  emptyObservation,
  guestOf,
  ids,
  inputOf,
  observationOf,
  replicaOf,
} from '../testing/assignments.ts';
import { plan } from './plan.ts';

const actionsOf = (change: Parameters<typeof inputOf>[0]) => plan(inputOf(change)).actions.map((a) => a.do);
const guestActionsOf = (change: Parameters<typeof inputOf>[0]) =>
  actionsOf(change).filter((name) => name.startsWith('guest.'));
const stateOf = (kind: string, change: Parameters<typeof inputOf>[0]) =>
  plan(inputOf(change)).statuses.find((s) => s.kind === kind)?.status;
const now = inputOf().now;
const ran: GuestMemory = { restarts: [], ranInBoot: 'boot-1' };
const withMemory = (
  memory: GuestMemory,
  observation: Partial<Observation> = {},
  spec: Partial<GuestSpec> = {},
  generation = 1,
) => ({
  memory: { acts: {}, guests: { [ids.instance]: memory } },
  observation: observationOf(observation),
  assignments: assignmentsOf({ guests: [guestOf(spec, generation)] }),
});

describe('a storage that is not there', () => {
  const observation = observationOf({
    disks: [],
    storageFault: 'the file system of its disks is not mounted',
  });
  it('lets no disk count as gone', () => {
    const replicas = [replicaOf('absent')];
    expect(
      stateOf('replica', { observation, assignments: assignmentsOf({ replicas, guests: [] }) }),
    ).toMatchObject({
      state: 'failed',
      error: { code: 'host_unfit' },
    });
    const seen = observationOf({ disks: [] });
    expect(
      stateOf('replica', { observation: seen, assignments: assignmentsOf({ replicas, guests: [] }) }),
    ).toEqual({
      state: 'absent',
    });
  });
  it('gets no new one', () => {
    expect(actionsOf({ observation })).not.toContain('disk.create');
    expect(stateOf('replica', { observation })).toMatchObject({
      state: 'failed',
      error: { code: 'host_unfit' },
    });
  });
});

describe('a new guest', () => {
  it('gets disk, network and filter first, side by side', () => {
    expect(actionsOf({ observation: emptyObservation })).toEqual([
      'disk.create',
      'network.ensure',
      'filter.ensure',
    ]);
  });
  it('is started once both are there', () => {
    expect(actionsOf({})).toEqual(['guest.start']);
    expect(stateOf('guest', {})).toMatchObject({ state: 'starting' });
  });
  it('is not started by an agent which the controller has not confirmed in this boot', () => {
    expect(actionsOf({ mayStart: false })).toEqual([]);
    expect(stateOf('guest', { mayStart: false })).toMatchObject({
      reason: expect.stringContaining('confirm'),
    });
  });
  it('is not judged while libvirt is away', () => {
    const observation = observationOf({ libvirt: false });
    expect(actionsOf({ observation })).toEqual([]);
    expect(stateOf('guest', { observation })).toMatchObject({ state: 'unknown' });
  });
  it('looks again when a failure may be tried again, whatever failed', () => {
    const problem = { type: 't', code: 'hypervisor_unreachable', title: 'no', status: 502 };
    const failures = new Map([
      [`guest:${ids.instance}`, { generation: 1, problem, attempts: 1, retryAt: now + 500 }],
    ]);
    const assignments = assignmentsOf({ guests: [guestOf({ remove: true })] });
    const observation = observationOf({ domains: [domainOf('running')] });
    expect(plan(inputOf({ failures, assignments, observation })).wakeAt).toBe(now + 500);
  });
  it('waits out a failure and shows it', () => {
    const problem = { type: 't', code: 'guest_refused', title: 'no', status: 502 };
    const failures = new Map([
      [`guest:${ids.instance}`, { generation: 1, problem, attempts: 1, retryAt: now + 1000 }],
    ]);
    expect(actionsOf({ failures })).toEqual([]);
    expect(stateOf('guest', { failures })).toMatchObject({ state: 'stopped', error: problem });
    expect(plan(inputOf({ failures })).wakeAt).toBe(now + 1000);
    expect(actionsOf({ failures, assignments: assignmentsOf({ guests: [guestOf({}, 2)] }) })).toEqual([
      'guest.start',
    ]);
  });
  it('shows no sign of life of the run before, whatever it waits for', () => {
    const memory = { restarts: [], startedAt: now - 9000, firstPingAt: now - 8000, sshReadyAt: now - 7000 };
    const before = withMemory(memory, { networks: [] });
    expect(stateOf('guest', before)).toMatchObject({ reason: expect.stringContaining('bridge') });
    for (const key of ['startedAt', 'firstPingAt', 'sshReadyAt'])
      expect(stateOf('guest', before)).not.toHaveProperty(key);
  });
  it('stopped from the beginning is only defined, and told so when it is', () => {
    const assignments = assignmentsOf({ guests: [guestOf({ power: 'stopped' })] });
    const input = { assignments, observation: observationOf({ filters: [] }) };
    expect(actionsOf(input)).toEqual(['guest.define']);
    expect(stateOf('guest', input)).toMatchObject({ state: 'absent', reason: 'is being defined' });
    const observation = observationOf({ filters: [], domains: [domainOf('shutoff')] });
    expect(stateOf('guest', { assignments, observation })).toMatchObject({ state: 'stopped' });
  });
});

describe('after the restore of a backup', () => {
  const held = (power: 'running' | 'stopped', domains: Observation['domains'], remove = false) => ({
    assignments: assignmentsOf({ guests: [guestOf({ held: true, power, remove })] }),
    observation: observationOf({ domains }),
  });
  it.each([
    ['runs though it is to be stopped', held('stopped', [domainOf('running')]), 'running'],
    ['runs though it is to be removed', held('running', [domainOf('running')], true), 'running'],
    ['is down though it is to run', held('running', [domainOf('shutoff')]), 'stopped'],
    ['is not there', held('running', []), 'absent'],
  ])('a guest that %s is only told of', (_, change, state) => {
    expect(guestActionsOf(change)).toEqual([]);
    expect(stateOf('guest', change)).toMatchObject({ state });
  });
  it('a disk that is gone is not made, one that is there is used', () => {
    const { assignments } = inputOf();
    const replicas = assignments.replicas.map((replica) => ({
      ...replica,
      spec: replica.spec.what === 'disk' ? { ...replica.spec, made: true } : replica.spec,
    }));
    const change = { assignments: { ...assignments, replicas } };
    expect(stateOf('replica', change)).toMatchObject({ state: 'ready' });
    const gone = { ...change, observation: emptyObservation };
    expect(actionsOf(gone)).not.toContain('disk.create');
    expect(stateOf('replica', gone)).toMatchObject({ error: { code: 'disk_gone' } });
  });
});

describe('a disk that was whole', () => {
  const seen = () => plan(inputOf()).disks;
  const gone = () => ({ memory: { acts: {}, guests: {}, disks: seen() }, observation: emptyObservation });

  it('is remembered, and made anew by nobody once it is gone', () => {
    expect(Object.keys(seen())).toHaveLength(1);
    expect(actionsOf(gone())).not.toContain('disk.create');
    expect(stateOf('replica', gone())).toMatchObject({ state: 'failed', error: { code: 'disk_gone' } });
    expect(guestActionsOf(gone())).toEqual([]);
    expect(plan(inputOf(gone())).disks).toEqual(seen());
  });
  it('is used again when its file is back', () => {
    const back = { memory: gone().memory };
    expect(stateOf('replica', back)).toMatchObject({ state: 'ready' });
    expect(actionsOf(back)).toEqual(['guest.start']);
  });
  it('is forgotten with its tombstone', () => {
    const { assignments } = inputOf();
    const replicas = assignments.replicas.map((replica) => ({
      ...replica,
      spec: { ...replica.spec, desired: 'absent' as const },
    }));
    const planned = plan(inputOf({ ...gone(), assignments: { ...assignments, replicas } }));
    expect(planned.disks).toEqual({});
    expect(planned.statuses.find(({ kind }) => kind === 'replica')?.status).toEqual({ state: 'absent' });
  });
});

describe('a guest that was to reboot', () => {
  const runs = { domains: [domainOf('running')] };
  const at = (memory: Partial<GuestMemory>) => plan(inputOf(withMemory({ ...ran, ...memory }, runs)));

  it('is asked again while it does not', () => {
    expect(at({ rebootAskedAt: now - 1000 })).toMatchObject({ actions: [], wakeAt: now + 4000 });
    const again = at({ rebootAskedAt: now - 5000 });
    expect(again.actions).toEqual([{ do: 'guest.reboot', instance: ids.instance }]);
    expect(again.guests[ids.instance]).toMatchObject({ rebootRepeatedAt: now });
    expect(at({ rebootAskedAt: now - 9000, rebootRepeatedAt: now - 4000 }).actions).toEqual([]);
  });
  it.each([
    ['it has', { rebootAskedAt: now - 9000, rebootedAt: now - 8000 }],
    ['it has had its time', { rebootAskedAt: now - 3_600_000 }],
    ['nobody asked for it', {}],
  ])('is left alone when %s', (_, memory) => {
    expect(at(memory).actions).toEqual([]);
  });
});

it('a guest that libvirt is starting runs not yet, and is not remembered to have run', () => {
  const input = inputOf(withMemory({ restarts: [] }, { domains: [domainOf('paused', 'starting-up')] }));
  const { actions, guests, statuses } = plan(input);
  expect(actions).toEqual([]);
  expect(statuses.find(({ kind }) => kind === 'guest')?.status).toMatchObject({ state: 'starting' });
  expect(guests[ids.instance]).not.toHaveProperty('ranInBoot');
});

describe('a running guest', () => {
  it('is adopted whatever the journal says, and reported', () => {
    const observation = observationOf({ domains: [domainOf('running')] });
    expect(actionsOf({ observation, mayStart: false })).toEqual([]);
    expect(stateOf('guest', { observation })).toMatchObject({ state: 'running', accelerator: 'tcg' });
    const kvm = observationOf({ domains: [domainOf('running', 'booted', { accelerator: 'kvm' })] });
    expect(stateOf('guest', { observation: kvm })).toMatchObject({ accelerator: 'kvm' });
    expect(plan(inputOf({ observation })).guests[ids.instance]?.ranInBoot).toBe('boot-1');
  });
  it('of a newer epoch is left alone, even when removal is asked', () => {
    const newer = domainOf('running', 'booted', {
      ours: { cluster: ids.cluster, instance: ids.instance, epoch: { incarnation: 1, number: 9 } },
    });
    const input = {
      observation: observationOf({ domains: [newer] }),
      assignments: assignmentsOf({ guests: [guestOf({ remove: true })] }),
    };
    expect(guestActionsOf(input)).toEqual([]);
  });
  it('which is foreign is never touched', () => {
    const { ours: _, ...foreign } = domainOf('running');
    const input = {
      observation: observationOf({ domains: [foreign] }),
      assignments: assignmentsOf({ guests: [guestOf({ remove: true })] }),
    };
    expect(guestActionsOf(input)).toEqual([]);
    expect(stateOf('guest', input)).toMatchObject({ error: { code: 'foreign_domain' } });
  });
  it('keeps its disk even when that is tombstoned', () => {
    const observation = observationOf({ domains: [domainOf('running')] });
    expect(
      actionsOf({ observation, assignments: assignmentsOf({ replicas: [replicaOf('absent')] }) }),
    ).toEqual([]);
  });
});

describe('stopping', () => {
  const running = observationOf({ domains: [domainOf('running')] });
  const stopped = assignmentsOf({ guests: [guestOf({ power: 'stopped' })] });
  it('is not over while a start is under way', () => {
    const busy = new Set([`guest:${ids.instance}`]);
    for (const domains of [[], [domainOf('shutoff')]]) {
      const input = { assignments: stopped, observation: observationOf({ domains }), busy };
      expect(stateOf('guest', input)).toMatchObject({ state: 'stopping' });
      expect(actionsOf(input)).toEqual([]);
    }
  });
  const at = (memory: GuestMemory) => ({
    observation: running,
    assignments: stopped,
    memory: { acts: {}, guests: { [ids.instance]: memory } },
  });
  it('asks first', () =>
    expect(actionsOf({ observation: running, assignments: stopped })).toEqual(['guest.shutdown']));
  it('does not ask again at once', () =>
    expect(actionsOf(at({ restarts: [], stopAskedAt: now - 1000, stopRepeatedAt: now - 1000 }))).toEqual([]));
  it('asks again after a while, since a booting guest misses it', () =>
    expect(actionsOf(at({ restarts: [], stopAskedAt: now - 9000, stopRepeatedAt: now - 6000 }))).toEqual([
      'guest.shutdown',
    ]));
  it('forces it off at the time limit', () =>
    expect(actionsOf(at({ restarts: [], stopAskedAt: now - 60_000 }))).toEqual(['guest.destroy']));
  it('forces at once when told to', () =>
    expect(
      actionsOf({
        observation: running,
        assignments: assignmentsOf({ guests: [guestOf({ power: 'stopped', force: true })] }),
      }),
    ).toEqual(['guest.destroy']));
});

describe('an ending', () => {
  const cases: [string, SeenDomain | undefined, GuestMemory, Partial<GuestSpec['life']>, string[], string][] =
    [
      ['poweroff from inside stays down', domainOf('shutoff', 'shutdown'), ran, {}, [], 'stopped'],
      [
        'poweroff with policy restart comes up',
        domainOf('shutoff', 'shutdown'),
        ran,
        { onPoweroff: 'restart' },
        ['guest.start'],
        'starting',
      ],
      ['a crash is restarted', domainOf('shutoff', 'crashed'), ran, {}, ['guest.start'], 'starting'],
      [
        'a crash with policy stop stays down',
        domainOf('shutoff', 'crashed'),
        ran,
        { onCrash: 'stop' },
        [],
        'crashed',
      ],
      ['a vanished domain counts as a crash', undefined, ran, {}, ['guest.start'], 'starting'],
      [
        'destroyed by someone else comes back',
        domainOf('shutoff', 'destroyed'),
        ran,
        {},
        ['guest.start'],
        'starting',
      ],
      [
        'panic told by an event',
        domainOf('shutoff', 'destroyed'),
        { ...ran, ended: 'panic' },
        { onCrash: 'stop' },
        [],
        'crashed',
      ],
      [
        'after an operator’s reboot it comes back whatever the policy',
        domainOf('shutoff', 'shutdown'),
        { ...ran, rebootAskedAt: now - 5000 },
        { onReboot: 'stop', onPoweroff: 'stop' },
        ['guest.start'],
        'starting',
      ],
      [
        'after a boot of the node it is started',
        domainOf('shutoff', 'unknown'),
        { restarts: [], ranInBoot: 'boot-0' },
        {},
        ['guest.start'],
        'starting',
      ],
      [
        'unless told not to',
        domainOf('shutoff', 'unknown'),
        { restarts: [], ranInBoot: 'boot-0' },
        { startOnBoot: false },
        [],
        'stopped',
      ],
      [
        'down by its own will it stays so after a boot',
        domainOf('shutoff', 'unknown'),
        { restarts: [], ranInBoot: 'boot-0', downBy: { by: 'guest-poweroff', wish: 1 } },
        {},
        [],
        'stopped',
      ],
      [
        'the second crash waits',
        domainOf('shutoff', 'crashed'),
        { ...ran, restarts: [now - 100] },
        {},
        [],
        'crashed',
      ],
      [
        'five crashes are enough',
        domainOf('shutoff', 'crashed'),
        { ...ran, restarts: [1, 2, 3, 4, 5].map((n) => now - n * 60_000) },
        {},
        [],
        'crashed',
      ],
      [
        'old crashes are forgotten',
        domainOf('shutoff', 'crashed'),
        { ...ran, restarts: [1, 2, 3, 4, 5].map((n) => now - 600_000 - n) },
        {},
        ['guest.start'],
        'starting',
      ],
    ];
  it.each(cases)('%s', (_, seen, memory, life, actions, state) => {
    const input = withMemory(
      memory,
      { domains: seen ? [seen] : [] },
      { life: { ...guestOf().spec.life, ...life } },
    );
    expect(actionsOf(input)).toEqual(actions);
    expect(stateOf('guest', input)).toMatchObject({ state });
  });
  it('is remembered while only its policies change', () => {
    const down = { domains: [domainOf('shutoff', 'shutdown')] };
    const memory = plan(inputOf(withMemory(ran, down))).guests[ids.instance] as GuestMemory;
    const life = { ...guestOf().spec.life, onPoweroff: 'restart' as const };
    expect(actionsOf(withMemory(memory, down, { life, standing: 1 }, 2))).toEqual([]);
    expect(actionsOf(withMemory(memory, down, { life, standing: 1 }, 3))).toEqual(['guest.start']);
  });
  it('is none of a wish that came after it: nobody knew of it', () => {
    const up = plan(inputOf(withMemory(ran, { domains: [domainOf('running')] })));
    const memory = up.guests[ids.instance] as GuestMemory;
    const down = { domains: [domainOf('shutoff', 'shutdown')] };
    expect(actionsOf(withMemory(memory, down))).toEqual([]);
    expect(actionsOf(withMemory(memory, down, { standing: 1 }, 2))).toEqual([]);
    expect(actionsOf(withMemory(memory, down, {}, 2))).toEqual(['guest.start']);
    expect(stateOf('guest', withMemory(memory, down, {}, 2))).toMatchObject({ state: 'starting' });
    const started = { ...memory, startedAt: now - 1000 };
    expect(stateOf('guest', withMemory(started, down, {}, 2))).not.toHaveProperty('startedAt');
  });
  it('is remembered until it is wanted anew', () => {
    const first = plan(inputOf(withMemory(ran, { domains: [domainOf('shutoff', 'shutdown')] })));
    const memory = first.guests[ids.instance] as GuestMemory;
    expect(memory.downBy).toEqual({ by: 'guest-poweroff', wish: 1 });
    expect(actionsOf(withMemory(memory, { domains: [domainOf('shutoff', 'shutdown')] }, {}, 2))).toEqual([
      'guest.start',
    ]);
  });
});

describe('a guest that is down', () => {
  const down = domainOf('shutoff', 'shutdown');
  const remembered = (input: Parameters<typeof inputOf>[0]) =>
    plan(inputOf(input)).guests[ids.instance] as GuestMemory;

  it('because the node booted is started when that is asked for', () => {
    const life = { ...guestOf().spec.life, startOnBoot: false };
    const first = withMemory({ restarts: [], ranInBoot: 'boot-0' }, { domains: [down] }, { life });
    expect(stateOf('guest', first)).toMatchObject({ state: 'stopped', endedBy: 'host' });
    const memory = remembered(first);
    expect(guestActionsOf(withMemory(memory, { domains: [down] }, { life }))).toEqual([]);
    expect(guestActionsOf(withMemory(memory, { domains: [down] }, { life }, 2))).toEqual(['guest.start']);
  });

  it.each([
    ['by its own will', { ...ran, downBy: { by: 'guest-poweroff' as const, wish: 1 } }, 'guest-poweroff'],
    ['because it was told to', { ...ran, stopAskedAt: now - 1000 }, 'operator'],
  ])('%s says so as long as it is down', (_, before, endedBy) => {
    const stopped = (memory: GuestMemory) => withMemory(memory, { domains: [down] }, { power: 'stopped' }, 2);
    expect(stateOf('guest', stopped(before))).toMatchObject({ state: 'stopped', endedBy });
    const memory = remembered(stopped(before));
    expect(stateOf('guest', stopped(memory))).toMatchObject({ state: 'stopped', endedBy });
    expect(guestActionsOf(withMemory(memory, { domains: [down] }, {}, 3))).toEqual(['guest.start']);
  });
});

describe('removal', () => {
  const removed = assignmentsOf({ guests: [guestOf({ remove: true })], replicas: [replicaOf('absent')] });
  it('stops, then undefines, then reports absent; the disk goes once it is unused', () => {
    const running = observationOf({ domains: [domainOf('running')] });
    expect(guestActionsOf({ assignments: removed, observation: running })).toEqual(['guest.destroy']);
    expect(actionsOf({ assignments: removed, observation: running })).not.toContain('disk.remove');
    const off = observationOf({ domains: [domainOf('shutoff', 'destroyed')] });
    expect(guestActionsOf({ assignments: removed, observation: off })).toEqual(['guest.remove']);
    expect(actionsOf({ assignments: removed, observation: off })).toContain('disk.remove');
    const files = { ...emptyObservation, networks: observationOf().networks, guestFiles: [ids.instance] };
    expect(actionsOf({ assignments: removed, observation: files })).toContain('guest.remove');
    expect(stateOf('guest', { assignments: removed, observation: emptyObservation })).toEqual(
      expect.objectContaining({ state: 'absent' }),
    );
    expect(stateOf('replica', { assignments: removed, observation: emptyObservation })).toEqual({
      state: 'absent',
    });
  });
  it('is not reported while something is still being made', () => {
    const busy = new Set([`disk:${ids.disk}`, `guest:${ids.instance}`]);
    expect(
      stateOf('replica', { assignments: removed, observation: emptyObservation, busy }),
    ).not.toMatchObject({ state: 'absent' });
    expect(stateOf('guest', { assignments: removed, observation: emptyObservation, busy })).not.toMatchObject(
      { state: 'absent' },
    );
  });
  it('is ready with a lease that cannot be served, and says so', () => {
    const attachment = attachmentOf();
    const spec = { ...attachment.spec, subnet: { cidr: '10.88.0.0/24' } as never };
    const assignments = assignmentsOf({ attachments: [{ ...attachment, spec }] });
    const networks = observationOf().networks.map((network) => ({ ...network, spec }));
    const { actions, statuses } = plan(inputOf({ assignments, observation: observationOf({ networks }) }));
    expect(actions.filter(({ do: what }) => what.startsWith('network.'))).toEqual([]);
    expect(statuses.find(({ kind }) => kind === 'attachment')?.status).toMatchObject({
      state: 'ready',
      error: { code: 'lease_left_out' },
    });
  });

  it('of a network waits for its guests', () => {
    const assignments = assignmentsOf({ attachments: [attachmentOf('absent')] });
    expect(
      actionsOf({ assignments, observation: observationOf({ domains: [domainOf('running')] }) }),
    ).toEqual([]);
    expect(
      actionsOf({
        assignments: assignmentsOf({ guests: [], attachments: [attachmentOf('absent')] }),
        observation: observationOf({ filters: [] }),
      }),
    ).toEqual(['network.remove']);
  });
  it('never comes from absence: what the store does not know is only named', () => {
    const planned = plan(
      inputOf({
        assignments: assignmentsOf({ guests: [], replicas: [] }),
        observation: observationOf({ domains: [domainOf('running')] }),
      }),
    );
    expect(planned.actions.map((a) => a.do)).toEqual(['network.ensure']);
    expect(planned.unknown).toEqual([`domain web1 (${ids.instance})`, 'disk /disk']);
  });
});

describe('acts', () => {
  const running = observationOf({ domains: [domainOf('running')] });
  const posted = assignmentsOf({ acts: [actOf()] });
  it('are begun once', () => {
    expect(actionsOf({ assignments: posted, observation: running })).toEqual(['act.perform']);
    const memory = { acts: { [ids.act]: { state: 'begun' as const, at: now } }, guests: {} };
    expect(actionsOf({ assignments: posted, observation: running, memory })).toEqual([]);
  });
  it('of an agent that died meanwhile end unknown', () => {
    const memory = { acts: { [ids.act]: { state: 'unknown' as const, at: now } }, guests: {} };
    expect(stateOf('act', { assignments: posted, observation: running, memory })).toMatchObject({
      state: 'unknown',
      error: { code: 'act_unknown' },
    });
  });
  it('past their deadline are not begun', () => {
    const late = {
      assignments: assignmentsOf({ acts: [actOf('2025-12-31T00:00:00Z')] }),
      observation: running,
    };
    expect(actionsOf(late)).toEqual([]);
    expect(stateOf('act', late)).toMatchObject({ state: 'failed' });
  });
  it('meant for another epoch are not begun', () => {
    const other = domainOf('running', 'booted', {
      ours: { cluster: ids.cluster, instance: ids.instance, epoch: { incarnation: 1, number: 0 } },
    });
    expect(actionsOf({ assignments: posted, observation: observationOf({ domains: [other] }) })).toEqual([]);
  });
});

const anyObservation = fc.record({
  libvirt: fc.boolean(),
  seen: fc.option(
    fc.record({
      state: fc.constantFrom<SeenDomain['state']>('running', 'paused', 'shutdown', 'shutoff', 'crashed'),
      reason: fc.constantFrom('shutdown', 'crashed', 'destroyed', 'unknown', 'booted'),
      epoch: fc.integer({ min: 0, max: 2 }),
      foreign: fc.boolean(),
    }),
  ),
  disk: fc.constantFrom('ready', 'creating', 'none'),
  network: fc.boolean(),
  spec: fc.record({
    power: fc.constantFrom<'running' | 'stopped'>('running', 'stopped'),
    remove: fc.boolean(),
    force: fc.boolean(),
  }),
  mayStart: fc.boolean(),
  desired: fc.constantFrom<'present' | 'absent'>('present', 'absent'),
});

describe('whatever is seen', () => {
  it('keeps the safety rules', () => {
    fc.assert(
      fc.property(anyObservation, (w) => {
        const seen =
          w.seen &&
          domainOf(
            w.seen.state,
            w.seen.reason,
            w.seen.foreign
              ? {}
              : {
                  ours: {
                    cluster: ids.cluster,
                    instance: ids.instance,
                    epoch: { incarnation: 1, number: w.seen.epoch },
                  },
                },
          );
        if (seen && w.seen?.foreign) delete seen.ours;
        const observation = observationOf({
          libvirt: w.libvirt,
          domains: seen ? [seen] : [],
          disks:
            w.disk === 'none'
              ? []
              : [{ disk: ids.disk, state: w.disk as 'ready', template: 'file-qcow2', path: '/d' }],
          networks: w.network ? observationOf().networks : [],
        });
        const result = plan(
          inputOf({
            observation,
            mayStart: w.mayStart,
            assignments: assignmentsOf({ guests: [guestOf(w.spec)], replicas: [replicaOf(w.desired)] }),
          }),
        );
        const names = result.actions.map((a) => a.do);
        const guestActions = names.filter((n) => n.startsWith('guest.'));
        expect(guestActions.length).toBeLessThanOrEqual(1);
        if (w.libvirt && seen && !['shutoff', 'crashed'].includes(seen.state))
          expect(names).not.toContain('guest.start');
        if (!w.libvirt || w.seen?.foreign || w.seen?.epoch === 2) expect(guestActions).toEqual([]);
        if (!w.mayStart || w.spec.power === 'stopped' || w.spec.remove || w.disk !== 'ready' || !w.network)
          expect(names).not.toContain('guest.start');
        if (w.desired === 'present') expect(names).not.toContain('disk.remove');
        if (!w.libvirt || (seen && seen.state !== 'shutoff')) expect(names).not.toContain('disk.remove');
      }),
    );
  });
});
