import { virDomainEventType } from '../enums/domain-events.ts';
import type {
  virDomainBlockedReason,
  virDomainCrashedReason,
  virDomainNostateReason,
  virDomainPausedReason,
  virDomainPMSuspendedReason,
  virDomainRunningReason,
  virDomainShutdownReason,
  virDomainShutoffReason,
} from '../enums/domain-state.ts';
import {
  virDomainBlockedReason as blocked,
  virDomainCrashedReason as crashed,
  virDomainNostateReason as nostate,
  virDomainPausedReason as paused,
  virDomainPMSuspendedReason as pmSuspended,
  virDomainRunningReason as running,
  virDomainShutdownReason as shutdown,
  virDomainShutoffReason as shutoff,
  virDomainState,
} from '../enums/domain-state.ts';
import { virErrorDomain, virErrorNumber } from '../enums/error.ts';
import type { Domain } from '../objects.ts';

/** A state by libvirt's name. */
export type DomainState = keyof typeof virDomainState;
/** A reason by libvirt's name; which ones are possible depends on the state. */
export type DomainReason =
  | keyof typeof virDomainNostateReason
  | keyof typeof virDomainRunningReason
  | keyof typeof virDomainBlockedReason
  | keyof typeof virDomainPausedReason
  | keyof typeof virDomainShutdownReason
  | keyof typeof virDomainShutoffReason
  | keyof typeof virDomainCrashedReason
  | keyof typeof virDomainPMSuspendedReason;

const REASONS: Readonly<Record<string, number>> = {
  ...nostate,
  ...running,
  ...blocked,
  ...paused,
  ...shutdown,
  ...shutoff,
  ...crashed,
  ...pmSuspended,
};

/** `domainGetState`'s numbers for a domain. */
export function stateNumbers({ state, reason }: MachineDomain): { state: number; reason: number } {
  return { state: virDomainState[state], reason: REASONS[reason] ?? 0 };
}

/** What QEMU's end does to the guest: the values of `on_poweroff`, `on_reboot` and `on_crash` that QEMU knows. */
export type EndAction = 'destroy' | 'restart' | 'preserve';

/** What the machine has to know of a domain's XML. */
export interface DomainSpec {
  readonly uuid: string;
  readonly name: string;
  readonly xml: string;
  readonly onPoweroff: EndAction;
  readonly onReboot: EndAction;
  readonly onCrash: EndAction;
}

/** One domain as a hypervisor driver holds it. */
export interface MachineDomain {
  readonly uuid: string;
  readonly name: string;
  /** -1 while inactive. */
  readonly id: number;
  readonly state: DomainState;
  readonly reason: DomainReason;
  /** The stored definition; undefined for a transient domain. */
  readonly config: DomainSpec | undefined;
  /** What the running guest was started with; undefined while inactive. */
  readonly live: DomainSpec | undefined;
  readonly autostart: boolean;
  /** Memory saved by managed save, for the next start. */
  readonly managedSave: boolean;
}

/** All domains of one hypervisor. Immutable: each step gives a new one. */
export interface Machine {
  readonly nextId: number;
  readonly domains: ReadonlyMap<string, MachineDomain>;
}

export const EMPTY_MACHINE: Machine = { nextId: 1, domains: new Map() };

/** What a step tells the world, as libvirt's events. */
export type MachineEvent =
  | { readonly kind: 'lifecycle'; readonly dom: Domain; readonly event: number; readonly detail: number }
  | { readonly kind: 'reboot'; readonly dom: Domain };

/** The outcome of a step: the new whole, the domain concerned (undefined once it is gone), and the events in order. */
export interface Step {
  readonly machine: Machine;
  readonly domain: MachineDomain | undefined;
  readonly events: readonly MachineEvent[];
}

/** A step libvirt would refuse, with its error code and origin. */
export class MachineRefusal extends Error {
  override readonly name = 'MachineRefusal';
  readonly code: number;
  readonly domain: number;

  constructor(code: keyof typeof virErrorNumber, origin: keyof typeof virErrorDomain, message: string) {
    super(message);
    this.code = virErrorNumber[code];
    this.domain = virErrorDomain[origin];
  }
}

/** A domain as calls and events name it. */
export function domainOf({ name, uuid, id }: MachineDomain): Domain {
  return { name, uuid, id };
}

export function lifecycle(
  domain: MachineDomain,
  event: keyof typeof virDomainEventType,
  detail: number,
): MachineEvent {
  return { kind: 'lifecycle', dom: domainOf(domain), event: virDomainEventType[event], detail };
}

export const isActive = (domain: MachineDomain): boolean => domain.id !== -1;

/** The domain of that UUID, or libvirt's own error. */
export function find(machine: Machine, uuid: string): MachineDomain {
  const domain = machine.domains.get(uuid);
  if (domain === undefined)
    throw new MachineRefusal(
      'VIR_ERR_NO_DOMAIN',
      'VIR_FROM_QEMU',
      `Domain not found: no domain with matching uuid '${uuid}'`,
    );
  return domain;
}

export function findActive(machine: Machine, uuid: string): MachineDomain {
  const domain = find(machine, uuid);
  if (!isActive(domain)) throw invalid('domain is not running', 'VIR_FROM_DOMAIN');
  return domain;
}

export function invalid(
  message: string,
  origin: keyof typeof virErrorDomain = 'VIR_FROM_QEMU',
): MachineRefusal {
  return new MachineRefusal(
    'VIR_ERR_OPERATION_INVALID',
    origin,
    `Requested operation is not valid: ${message}`,
  );
}

/** The machine with this domain in its new form. */
export function put(machine: Machine, domain: MachineDomain, events: readonly MachineEvent[]): Step {
  const domains = new Map(machine.domains).set(domain.uuid, domain);
  return { machine: { ...machine, domains }, domain, events };
}

export function remove(machine: Machine, uuid: string, events: readonly MachineEvent[]): Step {
  const domains = new Map(machine.domains);
  domains.delete(uuid);
  return { machine: { ...machine, domains }, domain: undefined, events };
}
