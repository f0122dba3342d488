/**
 * The life of domains as libvirt's QEMU driver lives it: pure steps from one {@link Machine} to the next, with the
 * events it would send, in its order. Checked against the real one by the conformance suite.
 * This file: what is asked of the hypervisor. guest-steps.ts: what guests and QEMU do by themselves.
 */
import {
  virDomainEventDefinedDetailType as defined,
  virDomainEventResumedDetailType as resumed,
  virDomainEventShutdownDetailType as shutdown,
  virDomainEventStartedDetailType as started,
  virDomainEventStoppedDetailType as stopped,
  virDomainEventSuspendedDetailType as suspended,
  virDomainEventUndefinedDetailType as undefinedDetail,
} from '../enums/domain-events.ts';
import {
  type DomainReason,
  type DomainSpec,
  type DomainState,
  find,
  findActive,
  invalid,
  isActive,
  lifecycle,
  type Machine,
  type MachineDomain,
  type MachineEvent,
  MachineRefusal,
  put,
  remove,
  type Step,
} from './machine.ts';

const OFF = {
  id: -1,
  live: undefined,
  state: 'VIR_DOMAIN_SHUTOFF',
  reason: 'VIR_DOMAIN_SHUTOFF_UNKNOWN',
} as const satisfies Partial<MachineDomain>;

const failed = (message: string): MachineRefusal =>
  new MachineRefusal('VIR_ERR_OPERATION_FAILED', 'VIR_FROM_DOMAIN', `operation failed: ${message}`);

/** Name and UUID belong together for ever; either alone is a clash. */
function admit(machine: Machine, spec: DomainSpec): MachineDomain | undefined {
  const { uuid, name } = spec;
  assertSupported(spec);
  const same = machine.domains.get(uuid);
  if (same !== undefined && same.name !== name)
    throw failed(`domain '${same.name}' is already defined with uuid ${uuid}`);
  for (const other of machine.domains.values())
    if (other.name === name && other.uuid !== uuid)
      throw failed(`domain '${name}' already exists with uuid ${other.uuid}`);
  return same;
}

/** QEMU knows one action for both ends, so the two wishes must not contradict each other. */
function assertSupported({ onPoweroff, onReboot }: DomainSpec): void {
  const contradicts = onPoweroff === 'restart' && onReboot === 'destroy';
  if (!contradicts && onPoweroff !== 'preserve' && onReboot !== 'preserve') return;
  const what = `on_poweroff '${onPoweroff}' with on_reboot '${onReboot}'`;
  throw new MachineRefusal(
    'VIR_ERR_CONFIG_UNSUPPORTED',
    'VIR_FROM_QEMU',
    `unsupported configuration: qemu driver doesn't support ${what}`,
  );
}

/** Stores a definition; a running domain keeps running with what it was started with. */
export function define(machine: Machine, spec: DomainSpec): Step {
  const before = admit(machine, spec);
  const { uuid, name } = spec;
  const fresh: MachineDomain = { uuid, name, ...OFF, config: spec, autostart: false, managedSave: false };
  const domain = before === undefined ? fresh : { ...before, config: spec };
  const detail =
    before === undefined ? defined.VIR_DOMAIN_EVENT_DEFINED_ADDED : defined.VIR_DOMAIN_EVENT_DEFINED_UPDATED;
  return put(machine, domain, [lifecycle(domain, 'VIR_DOMAIN_EVENT_DEFINED', detail)]);
}

/** Starts a domain that is not stored and vanishes when it stops. */
export function createTransient(machine: Machine, spec: DomainSpec, paused = false): Step {
  const before = admit(machine, spec);
  if (before !== undefined && isActive(before))
    throw invalid(`domain '${spec.name}' is already active`, 'VIR_FROM_DOMAIN');
  const { uuid, name } = spec;
  const base = before ?? { uuid, name, ...OFF, config: undefined, autostart: false, managedSave: false };
  return boot(machine, base, spec, paused);
}

/** Starts a stored domain, from its saved memory where there is some. */
export function start(machine: Machine, uuid: string, paused = false): Step {
  const domain = find(machine, uuid);
  if (isActive(domain) || domain.config === undefined) throw invalid('domain is already running');
  return domain.managedSave
    ? restore(machine, domain, domain.config)
    : boot(machine, domain, domain.config, paused);
}

function activate(
  machine: Machine,
  domain: MachineDomain,
  live: DomainSpec,
  reason: [DomainState, DomainReason],
): [Machine, MachineDomain] {
  const active = {
    ...domain,
    id: machine.nextId,
    live,
    state: reason[0],
    reason: reason[1],
    managedSave: false,
  };
  return [{ ...machine, nextId: machine.nextId + 1 }, active];
}

function boot(machine: Machine, domain: MachineDomain, live: DomainSpec, paused: boolean): Step {
  const [next, active] = activate(
    machine,
    domain,
    live,
    paused
      ? ['VIR_DOMAIN_PAUSED', 'VIR_DOMAIN_PAUSED_USER']
      : ['VIR_DOMAIN_RUNNING', 'VIR_DOMAIN_RUNNING_BOOTED'],
  );
  const booted = lifecycle(active, 'VIR_DOMAIN_EVENT_STARTED', started.VIR_DOMAIN_EVENT_STARTED_BOOTED);
  // QEMU starts stopped and is let go before libvirt calls the start done: `resumed` comes first.
  const events = paused
    ? [booted, lifecycle(active, 'VIR_DOMAIN_EVENT_SUSPENDED', suspended.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED)]
    : [lifecycle(active, 'VIR_DOMAIN_EVENT_RESUMED', resumed.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED), booted];
  return put(next, active, events);
}

function restore(machine: Machine, domain: MachineDomain, live: DomainSpec): Step {
  const [next, active] = activate(machine, domain, live, [
    'VIR_DOMAIN_RUNNING',
    'VIR_DOMAIN_RUNNING_RESTORED',
  ]);
  return put(next, active, [
    lifecycle(active, 'VIR_DOMAIN_EVENT_STARTED', started.VIR_DOMAIN_EVENT_STARTED_RESTORED),
    lifecycle(active, 'VIR_DOMAIN_EVENT_RESUMED', resumed.VIR_DOMAIN_EVENT_RESUMED_FROM_SNAPSHOT),
  ]);
}

/** The guest's end, however it came: a transient domain is gone afterwards, a stored one is off. */
export function stop(
  machine: Machine,
  domain: MachineDomain,
  reason: DomainReason,
  detail: keyof typeof stopped,
  before: readonly MachineEvent[] = [],
): Step {
  const off: MachineDomain = { ...domain, ...OFF, reason };
  const events = [...before, lifecycle(off, 'VIR_DOMAIN_EVENT_STOPPED', stopped[detail])];
  return domain.config === undefined ? remove(machine, domain.uuid, events) : put(machine, off, events);
}

/** Passes the wish on to the guest, which may obey ({@link guestPoweroff}) or not. Nothing changes yet. */
export function requestShutdown(machine: Machine, uuid: string): Step {
  const domain = find(machine, uuid);
  if (domain.state !== 'VIR_DOMAIN_RUNNING') throw invalid('domain is not running');
  return { machine, domain, events: [] };
}

/** As {@link requestShutdown}, for a reboot. */
export function requestReboot(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  return { machine, domain, events: [] };
}

/** Pulls the plug. */
export function destroy(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  const killed = lifecycle(domain, 'VIR_DOMAIN_EVENT_SHUTDOWN', shutdown.VIR_DOMAIN_EVENT_SHUTDOWN_HOST);
  return stop(machine, domain, 'VIR_DOMAIN_SHUTOFF_DESTROYED', 'VIR_DOMAIN_EVENT_STOPPED_DESTROYED', [
    killed,
  ]);
}

/** Removes the definition; a running domain becomes transient. */
export function undefine(machine: Machine, uuid: string, withManagedSave = false): Step {
  const domain = find(machine, uuid);
  if (domain.config === undefined) throw invalid('cannot undefine transient domain');
  if (domain.managedSave && !withManagedSave)
    throw invalid('Refusing to undefine while domain managed save image exists');
  const gone = lifecycle(
    domain,
    'VIR_DOMAIN_EVENT_UNDEFINED',
    undefinedDetail.VIR_DOMAIN_EVENT_UNDEFINED_REMOVED,
  );
  if (!isActive(domain)) return remove(machine, uuid, [gone]);
  return put(machine, { ...domain, config: undefined, autostart: false, managedSave: false }, [gone]);
}

/** Stops the vCPUs; already stopped ones are no error. */
export function suspend(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  if (domain.state === 'VIR_DOMAIN_PAUSED') return { machine, domain, events: [] };
  const paused: MachineDomain = { ...domain, state: 'VIR_DOMAIN_PAUSED', reason: 'VIR_DOMAIN_PAUSED_USER' };
  const detail = suspended.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED;
  return put(machine, paused, [lifecycle(paused, 'VIR_DOMAIN_EVENT_SUSPENDED', detail)]);
}

export function resume(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  if (domain.state === 'VIR_DOMAIN_RUNNING') throw invalid('domain is already running');
  const running: MachineDomain = {
    ...domain,
    state: 'VIR_DOMAIN_RUNNING',
    reason: 'VIR_DOMAIN_RUNNING_UNPAUSED',
  };
  const detail = resumed.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED;
  return put(machine, running, [lifecycle(running, 'VIR_DOMAIN_EVENT_RESUMED', detail)]);
}

/** The reset button: the guest begins anew, its state does not change. */
export function reset(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  return { machine, domain, events: [{ kind: 'reboot', dom: { name: domain.name, uuid, id: domain.id } }] };
}

/** Writes memory to libvirt's own file and stops; the next {@link start} goes on from there. */
export function managedSave(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  if (domain.config === undefined) throw invalid('cannot do managed save for transient domain');
  const paused = lifecycle(domain, 'VIR_DOMAIN_EVENT_SUSPENDED', suspended.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
  const before = domain.state === 'VIR_DOMAIN_PAUSED' ? [] : [paused];
  const saved = { ...domain, managedSave: true };
  return stop(machine, saved, 'VIR_DOMAIN_SHUTOFF_SAVED', 'VIR_DOMAIN_EVENT_STOPPED_SAVED', before);
}

/** Forgets saved memory; no error when there is none. */
export function managedSaveRemove(machine: Machine, uuid: string): Step {
  return put(machine, { ...find(machine, uuid), managedSave: false }, []);
}

export function setAutostart(machine: Machine, uuid: string, autostart: boolean): Step {
  const domain = find(machine, uuid);
  if (domain.config === undefined) throw invalid('cannot set autostart for transient domain');
  return put(machine, { ...domain, autostart }, []);
}

/** The source's end of a finished migration: the guest runs elsewhere; `undefineSource` drops the definition too. */
export function migrateOut(machine: Machine, uuid: string, undefineSource: boolean): Step {
  const domain = findActive(machine, uuid);
  const paused = lifecycle(
    domain,
    'VIR_DOMAIN_EVENT_SUSPENDED',
    suspended.VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED,
  );
  const off = stop(machine, domain, 'VIR_DOMAIN_SHUTOFF_MIGRATED', 'VIR_DOMAIN_EVENT_STOPPED_MIGRATED', [
    paused,
  ]);
  if (!undefineSource || off.domain === undefined) return off;
  const gone = undefine(off.machine, uuid, true);
  return { ...gone, events: [...off.events, ...gone.events] };
}

/** The target's end: the guest appears here; `persist` stores its definition. */
export function migrateIn(machine: Machine, spec: DomainSpec, persist: boolean): Step {
  const before = admit(machine, spec);
  if (before !== undefined && isActive(before))
    throw invalid(`domain '${spec.name}' is already active`, 'VIR_FROM_DOMAIN');
  const { uuid, name } = spec;
  const base = before ?? { uuid, name, ...OFF, config: undefined, autostart: false, managedSave: false };
  const reason: [DomainState, DomainReason] = ['VIR_DOMAIN_RUNNING', 'VIR_DOMAIN_RUNNING_MIGRATED'];
  const [next, arrived] = activate(machine, base, spec, reason);
  const events = [
    lifecycle(arrived, 'VIR_DOMAIN_EVENT_STARTED', started.VIR_DOMAIN_EVENT_STARTED_MIGRATED),
    lifecycle(arrived, 'VIR_DOMAIN_EVENT_RESUMED', resumed.VIR_DOMAIN_EVENT_RESUMED_MIGRATED),
  ];
  const step = put(next, arrived, events);
  if (!persist) return step;
  const stored = define(step.machine, spec);
  return { ...stored, events: [...events, ...stored.events] };
}
