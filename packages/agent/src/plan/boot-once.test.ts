import type { GuestSpec, OperationId } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { assignmentsOf, domainOf, guestOf, ids, inputOf, observationOf } from '../testing/assignments.ts';
import { plan } from './plan.ts';

const operation = ids.operation as OperationId;
const bootOnce: Partial<GuestSpec> = { bootOnce: { operation, order: ['cd'] } };
const ours = { cluster: ids.cluster, instance: ids.instance, epoch: { incarnation: 1, number: 1 } };
/** The domain of that start. */
const made: Partial<SeenDomain> = { ours: { ...ours, bootOnce: operation } };

interface Case {
  spec?: Partial<GuestSpec>;
  domain?: Partial<SeenDomain>;
  memory?: Partial<GuestMemory>;
}

function planned({ spec = {}, domain, memory }: Case) {
  const { state = 'running', ...more } = domain ?? {};
  const { actions, statuses, guests } = plan(
    inputOf({
      assignments: assignmentsOf({ guests: [guestOf(spec)] }),
      observation: observationOf({ domains: [{ ...domainOf(state), ...more }] }),
      memory: { acts: {}, guests: { [ids.instance]: { restarts: [], ranInBoot: 'boot-1', ...memory } } },
    }),
  );
  return {
    actions: actions.filter((action) => action.do.startsWith('guest.')),
    status: statuses.find(({ kind }) => kind === 'guest')?.status,
    memory: guests[ids.instance],
  };
}

const off = { state: 'shutoff', reason: 'destroyed' } as const;
const now = { once: { operation, now: true, ran: true } } as const;

describe('a start from elsewhere, once', () => {
  it.each<[string, Case, object[], object]>([
    [
      'asks a guest that runs to end first',
      { spec: bootOnce },
      [{ do: 'guest.shutdown' }],
      { state: 'stopping' },
    ],
    [
      'starts one that is down, paused, for this once',
      { spec: bootOnce, domain: off },
      [{ do: 'guest.start', because: 'wanted', once: true }],
      { state: 'starting' },
    ],
    [
      'lets run what stands there paused, once that is written down',
      { spec: bootOnce, domain: { ...made, state: 'paused', reason: 'user' } },
      [{ do: 'guest.resume' }],
      { state: 'starting' },
    ],
    [
      'is told of when the guest runs',
      { spec: bootOnce, domain: made },
      [],
      { state: 'running', bootedOnce: operation },
    ],
    [
      'is over with a reboot inside, and boots as always then',
      { domain: { ...off, reason: 'shutdown' }, memory: { ...now, ended: 'guest-reboot' } },
      [{ do: 'guest.start', because: 'guest-reboot' }],
      {},
    ],
    [
      'is over with a poweroff, which libvirt does not tell from it',
      { domain: { ...off, reason: 'shutdown' }, memory: { ...now, ended: 'guest-poweroff' } },
      [{ do: 'guest.start', because: 'guest-reboot' }],
      {},
    ],
    [
      'is not made again although its binding still says so',
      { spec: bootOnce, domain: { ...off, reason: 'shutdown' }, memory: { ...now, ended: 'guest-reboot' } },
      [{ do: 'guest.start', because: 'guest-reboot' }],
      {},
    ],
    [
      'of a guest that somebody paused later is left to him',
      { domain: { ...made, state: 'paused', reason: 'user' }, memory: now },
      [],
      { state: 'paused' },
    ],
    [
      'is no business of a guest that is to be down',
      { spec: { ...bootOnce, power: 'stopped' }, domain: off },
      [],
      { state: 'stopped' },
    ],
  ])('%s', (_, given, actions, status) => {
    const found = planned(given);
    expect(found.actions).toMatchObject(actions);
    expect(found.actions).toHaveLength(actions.length);
    expect(found.status).toMatchObject(status);
  });

  it('counts its end as no crash', () => {
    const ended = { ...now, ended: 'guest-reboot' } as const;
    expect(planned({ domain: { ...off, reason: 'shutdown' }, memory: ended }).memory?.restarts).toEqual([]);
  });

  it('is remembered before the guest goes on', () => {
    const { memory } = planned({ spec: bootOnce, domain: { ...made, state: 'paused', reason: 'user' } });
    expect(memory?.once).toEqual({ operation, now: true });
  });
});
