import { virDomainCreateFlags, virDomainUndefineFlagsValues } from '../enums/domain-flags.ts';
import { virErrorDomain, virErrorNumber } from '../enums/error.ts';
import type { Domain } from '../objects.ts';
import * as host from './domain-machine.ts';
import { parseDomainSpec } from './domain-spec.ts';
import type { FakeHandlers } from './fake-libvirtd.ts';
import { type FakeStream, refusal } from './fake-session.ts';
import * as guest from './guest-steps.ts';
import {
  domainOf,
  EMPTY_MACHINE,
  find,
  isActive,
  type Machine,
  type MachineDomain,
  type MachineEvent,
  type Step,
  stateNumbers,
} from './machine.ts';

/** Domains with a life of their own behind a fake libvirtd. */
export interface FakeHypervisor {
  /** The calls it answers, for {@link startFakeLibvirtd}. */
  readonly handlers: FakeHandlers;
  readonly machine: Machine;
  /** What a guest does by itself, by UUID. */
  guestPoweroff(uuid: string): void;
  guestReboot(uuid: string): void;
  guestCrash(uuid: string): void;
  hypervisorDied(uuid: string): void;
  /** Whether guests obey a shutdown request; they do unless told. */
  obeysShutdown: boolean;
}

const VERSION = 7_002_000;
const LIB_VERSION = 9_000_000;
const SINGLE_VCPU = { maxMem: 131_072, memory: 131_072, nrVirtCpu: 1, cpuTime: 0n };

/** `emit` gets each step's events in order; `newUuid` names domains whose XML does not. */
export function fakeHypervisor(emit: (event: MachineEvent) => void, newUuid: () => string): FakeHypervisor {
  let machine: Machine = EMPTY_MACHINE;
  const apply = (step: Step): Domain => {
    machine = step.machine;
    for (const event of step.events) emit(event);
    // A domain that is gone by the end of a step still has to be named in its answer.
    return step.domain === undefined ? { name: '', uuid: '', id: -1 } : domainOf(step.domain);
  };
  const run = (step: Step): void => void apply(step);
  const spec = (xml: string) => parseDomainSpec(xml, newUuid);
  const hypervisor: FakeHypervisor = {
    get machine() {
      return machine;
    },
    obeysShutdown: true,
    guestPoweroff: (uuid) => run(guest.guestPoweroff(machine, uuid)),
    guestReboot: (uuid) => run(guest.guestReboot(machine, uuid)),
    guestCrash: (uuid) => run(guest.guestCrash(machine, uuid)),
    hypervisorDied: (uuid) => run(guest.hypervisorDied(machine, uuid)),
    handlers: {
      connectGetType: () => 'QEMU',
      connectGetVersion: () => VERSION,
      connectGetLibVersion: () => LIB_VERSION,
      connectGetHostname: () => 'fake',
      connectListAllDomains: () => [...machine.domains.values()].map(domainOf),
      domainLookupByUuid: ({ uuid }) => domainOf(find(machine, uuid)),
      domainLookupByName: ({ name }) => lookup(machine, `name '${name}'`, (domain) => domain.name === name),
      domainLookupById: ({ id }) =>
        lookup(machine, `id ${id}`, (domain) => domain.id === id && isActive(domain)),
      domainDefineXmlFlags: ({ xml }) => apply(host.define(machine, spec(xml))),
      domainCreateXml: ({ xmlDesc, flags }) =>
        apply(host.createTransient(machine, spec(xmlDesc), isPaused(flags))),
      domainCreateWithFlags: ({ dom, flags }) => apply(host.start(machine, dom.uuid, isPaused(flags))),
      domainShutdownFlags: ({ dom }) => {
        run(host.requestShutdown(machine, dom.uuid));
        if (hypervisor.obeysShutdown) run(guest.guestPoweroff(machine, dom.uuid));
      },
      domainReboot: ({ dom }) => run(host.requestReboot(machine, dom.uuid)),
      domainReset: ({ dom }) => run(host.reset(machine, dom.uuid)),
      domainDestroyFlags: ({ dom }) => run(host.destroy(machine, dom.uuid)),
      domainUndefineFlags: ({ dom, flags }) =>
        run(host.undefine(machine, dom.uuid, (flags & UNDEFINE_SAVED) !== 0)),
      domainSuspend: ({ dom }) => run(host.suspend(machine, dom.uuid)),
      domainResume: ({ dom }) => run(host.resume(machine, dom.uuid)),
      domainManagedSave: ({ dom }) => run(host.managedSave(machine, dom.uuid)),
      domainManagedSaveRemove: ({ dom }) => run(host.managedSaveRemove(machine, dom.uuid)),
      domainHasManagedSaveImage: ({ dom }) => (find(machine, dom.uuid).managedSave ? 1 : 0),
      domainGetState: ({ dom }) => stateNumbers(find(machine, dom.uuid)),
      domainGetInfo: ({ dom }) => ({ state: stateNumbers(find(machine, dom.uuid)).state, ...SINGLE_VCPU }),
      domainGetXmlDesc: ({ dom, flags }) => xmlOf(find(machine, dom.uuid), flags),
      domainGetAutostart: ({ dom }) => find(machine, dom.uuid).autostart,
      domainSetAutostart: ({ dom, autostart }) => run(host.setAutostart(machine, dom.uuid, autostart)),
      domainIsActive: ({ dom }) => isActive(find(machine, dom.uuid)),
      domainIsPersistent: ({ dom }) => find(machine, dom.uuid).config !== undefined,
      domainOpenConsole: ({ dom }) => console(find(machine, dom.uuid)),
    },
  };
  return hypervisor;
}

const UNDEFINE_SAVED = virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE;
const XML_INACTIVE = 2;

const isPaused = (flags: number): boolean => (flags & virDomainCreateFlags.VIR_DOMAIN_START_PAUSED) !== 0;

function lookup(machine: Machine, what: string, matches: (domain: MachineDomain) => boolean): Domain {
  const domain = [...machine.domains.values()].find(matches);
  const message = `Domain not found: no domain with matching ${what}`;
  if (domain === undefined)
    throw refusal(virErrorNumber.VIR_ERR_NO_DOMAIN, virErrorDomain.VIR_FROM_QEMU, message);
  return domainOf(domain);
}

function xmlOf(domain: MachineDomain, flags: number): string {
  const inactive = (flags & XML_INACTIVE) !== 0 && domain.config !== undefined;
  return (inactive ? domain.config : (domain.live ?? domain.config))?.xml ?? '';
}

/** A console that says what it hears. */
function console(domain: MachineDomain): FakeStream {
  if (!isActive(domain))
    throw refusal(
      virErrorNumber.VIR_ERR_OPERATION_INVALID,
      virErrorDomain.VIR_FROM_DOMAIN,
      'Requested operation is not valid: domain is not running',
    );
  return { data: (bytes, peer) => peer.send(bytes) };
}
