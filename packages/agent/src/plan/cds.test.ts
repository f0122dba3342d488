import type { GuestCd, ImageId, Plug } from '@gantry/model';
import { describe, expect, it } from 'vitest';
import type { GuestMemory } from '../env.ts';
import type { SeenDomain } from '../observation.ts';
import { assignmentsOf, domainOf, guestOf, ids, inputOf, observationOf } from '../testing/assignments.ts';
import { plan } from './plan.ts';

const sha256 = 'a'.repeat(64);
const base = { sha256, path: `/bases/${sha256}.raw`, users: [] };
const image = '00000000-0000-4000-8000-000000000099' as ImageId;
const full: GuestCd = { slot: 0, media: { image, sha256 } };
const empty: GuestCd = { slot: 0 };
const closed = { slot: 0, tray: 'closed' } as const;
const holds = { ...closed, path: base.path };

interface Case {
  cds: GuestCd[];
  seen?: SeenDomain['cds'];
  plug?: Omit<Plug, 'operation'>;
  memory?: Partial<GuestMemory>;
  bases?: (typeof base)[];
  down?: boolean;
}

function planned({ cds, seen, plug, memory, bases = [base], down }: Case) {
  const { spec } = guestOf();
  const guest = guestOf({
    input: { ...spec.input, cds },
    ...(plug ? { plug: { operation: ids.operation, ...plug } } : {}),
  });
  const domain = { ...domainOf(down ? 'shutoff' : 'running'), ...(seen ? { cds: seen } : {}) };
  const { actions, statuses, guests } = plan(
    inputOf({
      assignments: assignmentsOf({ guests: [guest] }),
      observation: observationOf({ domains: [domain], bases }),
      memory: { acts: {}, guests: { [ids.instance]: { restarts: [], ranInBoot: 'boot-0', ...memory } } },
    }),
  );
  return {
    actions: actions.map((action) => action.do).filter((name) => name.startsWith('guest.')),
    status: statuses.find(({ kind }) => kind === 'guest')?.status,
    memory: guests[ids.instance],
  };
}

const update = { do: 'update', cd: 0 } as const;

describe('CD drives', () => {
  it.each<[string, Case, string[]]>([
    [
      'a medium is exchanged once its image is there',
      { cds: [full], seen: [closed], plug: update },
      ['guest.updateDevice'],
    ],
    ['and not before', { cds: [full], seen: [closed], plug: update, bases: [] }, []],
    ['a drive that is not there waits for the next start', { cds: [full], plug: update }, []],
    ['a drive is plugged in', { cds: [empty], plug: { do: 'attach', cd: 0 } }, ['guest.attachDevice']],
    ['and out', { cds: [empty], seen: [closed], plug: { do: 'detach', cd: 0 } }, ['guest.detachDevice']],
    ['what lies in it by hand is left there', { cds: [empty], seen: [holds] }, []],
    [
      'what an order that outlived its operation put in is taken out',
      { cds: [empty], seen: [holds], memory: { cds: [0] } },
      ['guest.updateDevice'],
    ],
    [
      'what it took out is put back',
      { cds: [full], seen: [closed], memory: { cds: [0] } },
      ['guest.updateDevice'],
    ],
    [
      'a drive that it plugged in is taken out',
      { cds: [], seen: [closed], memory: { cds: [0] } },
      ['guest.detachDevice'],
    ],
    ['one that it took out is plugged in', { cds: [empty], memory: { cds: [0] } }, ['guest.attachDevice']],
    ['what agrees is done', { cds: [full], seen: [holds], memory: { cds: [0] } }, []],
    ['a guest does not start without the image', { cds: [full], bases: [], down: true }, []],
    ['and starts with it', { cds: [full], down: true }, ['guest.start']],
  ])('%s', (_, given, actions) => {
    expect(planned(given).actions).toEqual(actions);
  });

  it('what is begun is remembered, and forgotten when it agrees', () => {
    expect(planned({ cds: [full], seen: [closed], plug: update }).memory?.cds).toEqual([0]);
    expect(planned({ cds: [full], seen: [holds], memory: { cds: [0] } }).memory?.cds).toBeUndefined();
  });

  it('what lies in them is told, and what is not ours as such', () => {
    expect(planned({ cds: [full], seen: [holds] }).status).toMatchObject({ cds: [{ ...closed, image }] });
    const other = [{ ...closed, path: '/root/other.iso' }];
    expect(planned({ cds: [full], seen: other }).status).toMatchObject({
      cds: [{ ...closed, foreign: true }],
    });
  });
});
