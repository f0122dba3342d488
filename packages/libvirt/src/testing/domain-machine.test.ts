import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as host from './domain-machine.ts';
import { parseDomainSpec } from './domain-spec.ts';
import * as guest from './guest-steps.ts';
import {
  type DomainSpec,
  EMPTY_MACHINE,
  isActive,
  lifecycle,
  type Machine,
  MachineRefusal,
  type Step,
  stateNumbers,
} from './machine.ts';

const UUIDS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const;

const spec = (uuid: string, change: Partial<DomainSpec> = {}): DomainSpec => ({
  uuid,
  name: `vm-${uuid.at(-1)}`,
  xml: '<domain/>',
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onCrash: 'destroy',
  ...change,
});

type Action = (machine: Machine, uuid: string) => Step;
const actions: Readonly<Record<string, Action>> = {
  define: (machine, uuid) => host.define(machine, spec(uuid)),
  createTransient: (machine, uuid) => host.createTransient(machine, spec(uuid)),
  start: (machine, uuid) => host.start(machine, uuid),
  startPaused: (machine, uuid) => host.start(machine, uuid, true),
  requestShutdown: host.requestShutdown,
  destroy: host.destroy,
  undefine: (machine, uuid) => host.undefine(machine, uuid),
  suspend: host.suspend,
  resume: host.resume,
  reset: host.reset,
  managedSave: host.managedSave,
  managedSaveRemove: host.managedSaveRemove,
  migrateOut: (machine, uuid) => host.migrateOut(machine, uuid, true),
  migrateIn: (machine, uuid) => host.migrateIn(machine, spec(uuid), true),
  guestPoweroff: guest.guestPoweroff,
  guestReboot: guest.guestReboot,
  guestCrash: guest.guestCrash,
  hypervisorDied: guest.hypervisorDied,
  ioError: guest.ioError,
};

const step = fc.record({ action: fc.constantFrom(...Object.keys(actions)), uuid: fc.constantFrom(...UUIDS) });

describe('the domain machine', () => {
  test('whatever happens, every domain is in a state that makes sense', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let machine = EMPTY_MACHINE;
        for (const { action, uuid } of steps) {
          const before = machine;
          try {
            machine = actions[action]?.(machine, uuid).machine ?? machine;
          } catch (error) {
            expect(error).toBeInstanceOf(MachineRefusal);
            expect(machine).toBe(before);
          }
          const ids = [...machine.domains.values()].filter(isActive).map(({ id }) => id);
          expect(new Set(ids).size).toBe(ids.length);
          for (const domain of machine.domains.values()) {
            expect(isActive(domain)).toBe(domain.live !== undefined);
            expect(isActive(domain)).toBe(domain.state !== 'VIR_DOMAIN_SHUTOFF');
            expect(domain.config !== undefined || domain.live !== undefined).toBe(true);
            if (domain.managedSave) expect(isActive(domain)).toBe(false);
            expect(stateNumbers(domain).state).toBeGreaterThan(0);
          }
        }
      }),
    );
  });

  test('steps leave what they were given untouched', () => {
    const { machine } = host.define(EMPTY_MACHINE, spec(UUIDS[0]));
    const copy = new Map(machine.domains);
    host.start(machine, UUIDS[0]);
    host.undefine(machine, UUIDS[0]);
    expect(machine.domains).toEqual(copy);
    expect(EMPTY_MACHINE.domains.size).toBe(0);
  });

  test.each([
    ['destroy', 'VIR_DOMAIN_SHUTOFF', 'VIR_DOMAIN_SHUTOFF_CRASHED', ['suspended', 'crashed', 'stopped']],
    [
      'restart',
      'VIR_DOMAIN_RUNNING',
      'VIR_DOMAIN_RUNNING_CRASHED',
      ['suspended', 'crashed', 'reboot', 'resumed'],
    ],
    ['preserve', 'VIR_DOMAIN_CRASHED', 'VIR_DOMAIN_CRASHED_PANICKED', ['suspended', 'crashed']],
  ] as const)('a panic with on_crash %s', (onCrash, state, reason, events) => {
    const { machine } = host.start(host.define(EMPTY_MACHINE, spec(UUIDS[0], { onCrash })).machine, UUIDS[0]);
    const crashed = guest.guestCrash(machine, UUIDS[0]);
    expect(crashed.domain).toMatchObject({ state, reason });
    const names = [
      'defined',
      'undefined',
      'started',
      'suspended',
      'resumed',
      'stopped',
      'shutdown',
      'pm',
      'crashed',
    ];
    expect(crashed.events.map((event) => (event.kind === 'reboot' ? 'reboot' : names[event.event]))).toEqual(
      events,
    );
  });

  test('a migration that is over leaves nothing at the source and a stored, running domain at the target', () => {
    const source = host.start(host.define(EMPTY_MACHINE, spec(UUIDS[0])).machine, UUIDS[0]).machine;
    expect(host.migrateOut(source, UUIDS[0], true).machine.domains.size).toBe(0);
    const target = host.migrateIn(EMPTY_MACHINE, spec(UUIDS[0]), true);
    expect(target.domain).toMatchObject({
      state: 'VIR_DOMAIN_RUNNING',
      reason: 'VIR_DOMAIN_RUNNING_MIGRATED',
    });
    expect(target.domain?.config).toBeDefined();
  });

  test('a power cut forgets transient domains and stops the others', () => {
    const stored = host.start(host.define(EMPTY_MACHINE, spec(UUIDS[0])).machine, UUIDS[0]).machine;
    const both = host.createTransient(stored, spec(UUIDS[1])).machine;
    const after = guest.powerCut(both);
    expect([...after.domains.keys()]).toEqual([UUIDS[0]]);
    expect(after.domains.get(UUIDS[0])).toMatchObject({ id: -1, state: 'VIR_DOMAIN_SHUTOFF' });
  });

  test('events name the domain as it is', () => {
    const { domain } = host.define(EMPTY_MACHINE, spec(UUIDS[0]));
    if (domain === undefined) throw new Error('nothing was defined');
    expect(lifecycle(domain, 'VIR_DOMAIN_EVENT_STOPPED', 1)).toEqual({
      kind: 'lifecycle',
      dom: { name: 'vm-1', uuid: UUIDS[0], id: -1 },
      event: 5,
      detail: 1,
    });
  });
});

describe('parseDomainSpec', () => {
  const parse = (xml: string): DomainSpec => parseDomainSpec(xml, () => UUIDS[1]);

  test('takes the root’s own children and nothing deeper', () => {
    const xml = `<?xml version='1.0'?><!-- <name>c</name> --><domain type='qemu'><devices><name>deep</name></devices>
      <name>vm</name><on_crash>preserve</on_crash><memory/></domain>`;
    expect(parse(xml)).toEqual({ ...spec(UUIDS[1]), name: 'vm', xml, onCrash: 'preserve' });
  });

  test.each([
    ['<domain', 'not well-formed'],
    ['<domain><name>x</name>', 'not well-formed'],
    ['<domain><name>x</domain></name>', 'closes what was not open'],
    ['<pool/>', "expecting root element of 'domain'"],
    ['<domain></domain>', 'name element is missing'],
    ['<domain><name>x</name><uuid>y</uuid></domain>', 'malformed uuid'],
    ['<domain><name>x</name><on_reboot>dance</on_reboot></domain>', "unknown lifecycle action 'dance'"],
  ])('%s is refused', (xml, message) => {
    expect(() => parse(xml)).toThrow(message);
  });
});
