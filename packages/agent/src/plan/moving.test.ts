/** What the planner does with disks and guests that are on their way from node to node. */
import type { DiskReplicaSpec, Guest, Replica } from '@gantry/model';
import { describe, expect, test } from 'vitest';
import { ticketMark } from '../storage/layout.ts';
import {
  assignmentsOf,
  domainOf,
  emptyObservation,
  guestOf,
  ids,
  inputOf,
  observationOf,
  replicaOf,
} from '../testing/assignments.ts';
import type { PlanInput } from './input.ts';
import { plan } from './plan.ts';

const ticket = 't'.repeat(43);
const send: NonNullable<DiskReplicaSpec['send']> = {
  to: ids.node,
  name: 'n2',
  at: { address: '192.0.2.2', port: 7461 },
  ticket,
  operation: ids.operation,
};
const receive: NonNullable<DiskReplicaSpec['receive']> = { from: ids.node, ticketSha256: '0'.repeat(64) };

function replica(more: Partial<DiskReplicaSpec>, generation = 1): Replica {
  const plain = replicaOf();
  return { ...plain, generation, spec: { ...plain.spec, ...more } as DiskReplicaSpec };
}

interface Given extends Partial<PlanInput> {
  guest?: Guest;
  more: Partial<DiskReplicaSpec>;
}
function planned({ guest, more, ...rest }: Given) {
  const assignments = assignmentsOf({ guests: guest ? [guest] : [], replicas: [replica(more)] });
  const { actions, statuses, abandon } = plan(inputOf({ assignments, ...rest }));
  return {
    disks: actions.filter(({ do: what }) => what.startsWith('disk.')).map(({ do: what }) => what),
    guests: actions.filter(({ do: what }) => what.startsWith('guest.')).map(({ do: what }) => what),
    status: statuses.find(({ kind }) => kind === 'replica')?.status,
    guest: statuses.find(({ kind }) => kind === 'guest')?.status,
    abandon,
  };
}
const down = guestOf({ power: 'stopped' });
const off = observationOf({ domains: [domainOf('shutoff')] });
const subject = `disk:${ids.disk}`;
const failure = {
  generation: 1,
  problem: { type: '', title: 'no', status: 503, code: 'transfer_failed' } as never,
  attempts: 1,
  retryAt: Number.POSITIVE_INFINITY,
};

describe('at the source', () => {
  test.each<[string, Omit<Given, 'more'>, string[]]>([
    ['goes when its guest is down for good', { guest: down, observation: off }, ['disk.send']],
    ['goes when its guest was never defined', { guest: down, observation: observationOf() }, ['disk.send']],
    [
      'not while the guest runs',
      { guest: down, observation: observationOf({ domains: [domainOf('running')] }) },
      [],
    ],
    [
      'not while the guest is paused',
      { guest: down, observation: observationOf({ domains: [domainOf('paused')] }) },
      [],
    ],
    ['not while the guest is wanted', { guest: guestOf(), observation: off }, []],
    ['not while nobody knows', { guest: down, observation: observationOf({ libvirt: false }) }, []],
    ['not without a guest', { observation: off }, []],
    ['not twice', { guest: down, observation: off, sent: new Set([ticket]) }, []],
    [
      'again with another ticket',
      { guest: down, observation: off, sent: new Set(['another']) },
      ['disk.send'],
    ],
    [
      'not while a start of its guest is under way',
      { guest: down, observation: off, busy: new Set([`guest:${down.spec.instance}`]) },
      [],
    ],
    ['not while it is going', { guest: down, observation: off, busy: new Set([subject]) }, []],
    [
      'not while it waits out a failure',
      { guest: down, observation: off, failures: new Map([[subject, failure]]) },
      [],
    ],
  ])('a disk %s', (_what, given, wanted) => {
    const { disks, status } = planned({ ...given, more: { send } });
    expect(disks).toEqual(wanted);
    expect(status).toMatchObject({ state: 'ready', path: '/disk' });
  });

  test('what stands against it is told, and it is ready all the same', () => {
    const { status } = planned({
      guest: down,
      observation: off,
      failures: new Map([[subject, failure]]),
      more: { send },
    });
    expect(status).toMatchObject({ state: 'ready', error: { code: 'transfer_failed' } });
  });

  test('an order that is withdrawn ends the sending, and the sending alone', () => {
    const busy = new Set([subject]);
    expect(planned({ guest: down, observation: off, busy, more: {} }).abandon).toEqual([
      { subject, doing: ['disk.send'] },
    ]);
    expect(planned({ guest: down, observation: off, more: {} }).abandon).toEqual([]);
  });
});

describe('at the target', () => {
  const coming = guestOf({ role: 'receive', power: 'stopped' });

  test('a disk is waited for, never made', () => {
    const { disks, status } = planned({ guest: coming, observation: emptyObservation, more: { receive } });
    expect(disks).toEqual(['disk.receive']);
    expect(status).toMatchObject({ state: 'creating' });
  });

  test('an overlay waits for the base of its image', () => {
    const sha256 = 'a'.repeat(64);
    const source = {
      kind: 'image',
      image: ids.network as never,
      format: 'raw',
      sha256,
      virtualBytes: 1,
    } as const;
    const given = { guest: coming, more: { receive, source } };
    expect(planned({ ...given, observation: emptyObservation }).disks).toEqual([]);
    const bases = [{ sha256, path: '/base', users: [] }];
    expect(planned({ ...given, observation: { ...emptyObservation, bases } }).disks).toEqual([
      'disk.receive',
    ]);
  });

  test.each([false, true])(
    'a disk that was a copy once comes like any other: of a guest that ran: %s',
    (live) => {
      const copy = {
        from: ids.operation,
        of: ids.node,
        to: ids.instance,
        ...(live ? { live } : {}),
      } as never;
      expect(
        planned({ guest: coming, observation: emptyObservation, more: { receive, copy } }).disks,
      ).toEqual(['disk.receive']);
    },
  );

  const leftover = (received?: string) =>
    observationOf({
      disks: [
        {
          ...{ disk: ids.disk, state: 'ready', template: 'file-qcow2', path: '/left' },
          ...(received ? { received } : {}),
        },
      ],
    });
  const mark = ticketMark(receive);

  test.each([undefined, '1'.repeat(16)])(
    'a file of another age is not the disk: brought for %s',
    (received) => {
      const { disks, status } = planned({
        guest: coming,
        observation: leftover(received),
        more: { receive },
      });
      expect(disks).toEqual([]);
      expect(status).toMatchObject({ state: 'failed', error: { code: 'disk_in_the_way' } });
    },
  );

  test('nor does it go when the move is taken back; what this order brought does', () => {
    const more = { receive, desired: 'absent' } as const;
    expect(planned({ observation: leftover(), more })).toMatchObject({
      disks: [],
      status: { state: 'absent' },
    });
    expect(planned({ observation: leftover(mark), more }).disks).toEqual(['disk.remove']);
  });

  test('what this order brought is the disk; so is what an older agent took in, that wrote no ticket down', () => {
    const ready = { disks: [], status: { state: 'ready', path: '/left' } };
    expect(planned({ observation: leftover(mark), more: { receive } })).toMatchObject(ready);
    const memory = { acts: {}, guests: {}, disks: { [ids.replica]: 1 } };
    const older = { observation: leftover(), memory };
    expect(planned({ ...older, more: { receive } })).toMatchObject(ready);
    expect(planned({ ...older, more: { receive, desired: 'absent' } }).disks).toEqual(['disk.remove']);
  });

  test('its guest is neither defined nor started, disks or not', () => {
    for (const observation of [emptyObservation, leftover(mark)]) {
      const { guests, guest } = planned({ guest: coming, observation, more: { receive } });
      expect(guests).toEqual([]);
      expect(guest).toMatchObject({ state: 'absent' });
    }
  });

  test('handed over it is defined or started like any other', () => {
    const given = { observation: leftover(mark), more: { receive } };
    expect(planned({ ...given, guest: guestOf({ power: 'stopped' }) }).guests).toEqual(['guest.define']);
    expect(planned({ ...given, guest: guestOf() }).guests).toEqual(['guest.start']);
  });

  test('taken back, the taking in ends, and then what came goes', () => {
    const gone = guestOf({ role: 'receive', power: 'stopped', remove: true });
    const more = { receive, desired: 'absent' } as const;
    const creating = [
      {
        disk: ids.disk,
        operation: ids.operation,
        state: 'creating' as const,
        template: 'file-qcow2' as const,
        path: '/x',
      },
    ];
    const observation = { ...emptyObservation, disks: creating, guestFiles: [ids.instance] };
    const busy = planned({ guest: gone, observation, busy: new Set([subject]), more });
    expect(busy).toMatchObject({
      disks: [],
      abandon: [{ subject, doing: ['disk.create', 'disk.send', 'disk.receive'] }],
    });
    const free = planned({ guest: gone, observation, more });
    expect(free).toMatchObject({ disks: ['disk.remove'], guests: ['guest.remove'], abandon: [] });
  });
});
