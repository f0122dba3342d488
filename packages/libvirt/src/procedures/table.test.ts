import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { virDomainEventID } from '../enums/domain-events.ts';
import { decodeBody, encodeBody, PROGRAM } from '../frame.ts';
import { XdrError } from '../xdr.ts';
import { domainEventKinds } from './domain-events.ts';
import { allTargets, targetOf } from './table.ts';

const targets = allTargets();

describe('the table of procedures', () => {
  test('holds every area', () => {
    expect(targets.length).toBeGreaterThan(340);
  });

  test('no two procedures share a number, nor an event and a procedure', () => {
    const events = Object.values(domainEventKinds).map(({ procedure }) => `${PROGRAM.remote}:${procedure}`);
    const keys = [...targets.map(({ program, procedure }) => `${program}:${procedure.number}`), ...events];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('every kind of domain event of libvirt 9.0 is there under its id', () => {
    const ids = Object.values(domainEventKinds).map(({ id }) => id);
    expect(ids.toSorted((a, b) => a - b)).toEqual(Object.values(virDomainEventID));
  });

  test.each([
    ['connectOpen', 1],
    ['domainGetXmlDesc', 14],
    ['domainCreateWithFlags', 196],
    ['domainOpenConsole', 201],
    ['domainMigratePerform3Params', 305],
    ['connectGetAllDomainStats', 344],
    ['domainAuthorizedSshKeysSet', 425],
  ] as const)('%s has number %d', (name, number) => {
    expect(targetOf(name).procedure.number).toBe(number);
  });

  test.each(targets.map((target) => [target.name, target] as const))(
    '%s: random bytes never do harm',
    (_, target) => {
      const { args, result } = target.procedure;
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
          for (const layout of [args, result])
            try {
              decodeBody(bytes, (from) => layout.read(from));
            } catch (error) {
              expect(error).toBeInstanceOf(XdrError);
            }
        }),
        { numRuns: 50 },
      );
    },
  );

  test.each(targets.map((target) => [target.name, target] as const))(
    '%s: arguments read back as written',
    (_, target) => {
      const { args } = target.procedure;
      // All zeros is a valid form of every layout: empty strings and lists, NULL pointers, number 0.
      const zeros = new Uint8Array(args.minBytes);
      const value = decodeBody(zeros, (from) => args.read(from));
      const bytes = Buffer.from(encodeBody((to) => args.write(to, value)));
      const again = decodeBody(bytes, (from) => args.read(from));
      // Flags may have gained what every client of libvirt sets; from then on nothing changes.
      expect({ ...again, flags: 0 }).toEqual({ ...value, flags: 0 });
      expect(Buffer.from(encodeBody((to) => args.write(to, again))).equals(bytes)).toBe(true);
    },
  );

  test('a name that is not there is refused', () => {
    expect(() => targetOf('noSuchCall' as 'connectOpen')).toThrow(/no call named "noSuchCall"/);
  });
});
