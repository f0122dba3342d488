import type { GuestSpec } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { assignmentsOf, domainOf, guestOf, ids, inputOf, observationOf } from '../testing/assignments.ts';
import type { Failure } from './input.ts';
import { plan } from './plan.ts';

const now = inputOf().now;
const problem = { type: 't', code: 'suspend_failed', title: 'no room', status: 502 };
const failed: Failure = { generation: 1, problem, attempts: 1, retryAt: now + 1000 };

interface Case {
  spec: Partial<GuestSpec>;
  domain: Partial<SeenDomain>;
  memory?: Partial<GuestMemory>;
  busy?: boolean;
  failure?: Failure;
}

function planned({ spec, domain, memory, busy, failure }: Case) {
  const subject = `guest:${ids.instance}`;
  const { state = 'running', ...more } = domain;
  const { actions, statuses } = plan(
    inputOf({
      assignments: assignmentsOf({ guests: [guestOf(spec)] }),
      observation: observationOf({ domains: [{ ...domainOf(state), ...more }] }),
      memory: { acts: {}, guests: { [ids.instance]: { restarts: [], ranInBoot: 'boot-1', ...memory } } },
      busy: new Set(busy ? [subject] : []),
      failures: new Map(failure ? [[subject, failure]] : []),
    }),
  );
  const status = statuses.find(({ kind }) => kind === 'guest')?.status;
  const names = actions.map((action) => action.do).filter((name) => name.startsWith('guest.'));
  return { actions: names, status };
}

const save = { power: 'stopped', memory: 'save' } as const;
const restore = { power: 'running', memory: 'restore' } as const;
const off = { state: 'shutoff', reason: 'saved' } as const;

describe('a guest whose memory is to be saved', () => {
  it.each<[string, Case, string[], object]>([
    ['runs', { spec: save, domain: {} }, ['guest.save'], { state: 'stopping' }],
    ['is paused', { spec: save, domain: { state: 'paused', reason: 'user' } }, ['guest.save'], {}],
    ['is being saved', { spec: save, domain: {}, busy: true }, [], { state: 'stopping' }],
    [
      'is being saved at the word of an agent that died',
      { spec: save, domain: { state: 'paused', reason: 'save' } },
      [],
      { state: 'stopping' },
    ],
    ['powers off', { spec: save, domain: { state: 'shutdown' } }, [], { state: 'stopping' }],
    [
      'could not be saved',
      { spec: save, domain: {}, failure: failed },
      [],
      { state: 'running', error: problem },
    ],
    ['is saved', { spec: save, domain: { ...off, saved: true } }, [], { state: 'suspended' }],
    [
      'is off, and not yet known to be saved',
      { spec: save, domain: off, busy: true },
      [],
      { state: 'stopping' },
    ],
    [
      'ended before',
      { spec: save, domain: { state: 'shutoff', reason: 'crashed' } },
      [],
      { state: 'stopped' },
    ],
    [
      'is saved, and the node was booted since',
      { spec: save, domain: { ...off, saved: true }, memory: { ranInBoot: 'boot-0' } },
      [],
      { state: 'suspended' },
    ],
  ])('that %s', (_, given, actions, status) => {
    const found = planned(given);
    expect(found.actions).toEqual(actions);
    expect(found.status).toMatchObject(status);
  });
});

describe('a guest that is to go on with its memory', () => {
  it.each<[string, Case, string[]]>([
    [
      'is started, whatever its policy says of its end',
      { spec: restore, domain: { ...off, saved: true } },
      ['guest.start'],
    ],
    [
      'is started after the node booted, although its policy says no',
      {
        spec: { ...restore, life: { ...guestOf().spec.life, startOnBoot: false } },
        domain: { ...off, saved: true },
        memory: { ranInBoot: 'boot-0' },
      },
      ['guest.start'],
    ],
    [
      'once it runs ends as any other',
      {
        spec: { ...restore, life: { ...guestOf().spec.life, onCrash: 'stop' } },
        domain: { state: 'shutoff', reason: 'crashed' },
      },
      [],
    ],
  ])('%s', (_, given, actions) => {
    expect(planned(given).actions).toEqual(actions);
  });
});
