/** What guests, and QEMU under them, do by themselves. Same rules as domain-machine.ts. */
import {
  virDomainEventCrashedDetailType as crashed,
  virDomainEventResumedDetailType as resumed,
  virDomainEventShutdownDetailType as shutdown,
  virDomainEventSuspendedDetailType as suspended,
} from '../enums/domain-events.ts';
import { stop } from './domain-machine.ts';
import {
  domainOf,
  findActive,
  lifecycle,
  type Machine,
  type MachineDomain,
  type MachineEvent,
  put,
  type Step,
} from './machine.ts';

const rebooted = (domain: MachineDomain): MachineEvent => ({ kind: 'reboot', dom: domainOf(domain) });

function off(machine: Machine, domain: MachineDomain): Step {
  const asked = lifecycle(domain, 'VIR_DOMAIN_EVENT_SHUTDOWN', shutdown.VIR_DOMAIN_EVENT_SHUTDOWN_GUEST);
  return stop(machine, domain, 'VIR_DOMAIN_SHUTOFF_SHUTDOWN', 'VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN', [asked]);
}

/** The guest powered off; with `on_poweroff` restart QEMU takes that for a reboot. */
export function guestPoweroff(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  if (domain.live?.onPoweroff !== 'restart') return off(machine, domain);
  return { machine, domain, events: [rebooted(domain)] };
}

/** The guest rebooted; with `on_reboot` destroy QEMU ends instead. */
export function guestReboot(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  if (domain.live?.onReboot === 'destroy') return off(machine, domain);
  return { machine, domain, events: [rebooted(domain)] };
}

/** The guest's kernel panicked and its panic device said so. */
export function guestCrash(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  const events = [
    lifecycle(domain, 'VIR_DOMAIN_EVENT_SUSPENDED', suspended.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED),
    lifecycle(domain, 'VIR_DOMAIN_EVENT_CRASHED', crashed.VIR_DOMAIN_EVENT_CRASHED_PANICKED),
  ];
  const action = domain.live?.onCrash ?? 'destroy';
  if (action === 'destroy')
    return stop(machine, domain, 'VIR_DOMAIN_SHUTOFF_CRASHED', 'VIR_DOMAIN_EVENT_STOPPED_CRASHED', events);
  if (action === 'preserve')
    return put(
      machine,
      { ...domain, state: 'VIR_DOMAIN_CRASHED', reason: 'VIR_DOMAIN_CRASHED_PANICKED' },
      events,
    );
  const again: MachineDomain = {
    ...domain,
    state: 'VIR_DOMAIN_RUNNING',
    reason: 'VIR_DOMAIN_RUNNING_CRASHED',
  };
  const running = lifecycle(again, 'VIR_DOMAIN_EVENT_RESUMED', resumed.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
  return put(machine, again, [...events, rebooted(again), running]);
}

/** QEMU itself died: killed, out of memory, or a bug. */
export function hypervisorDied(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  return stop(machine, domain, 'VIR_DOMAIN_SHUTOFF_CRASHED', 'VIR_DOMAIN_EVENT_STOPPED_FAILED');
}

/** A disk failed under the guest and QEMU stopped it (`error_policy` stop). */
export function ioError(machine: Machine, uuid: string): Step {
  const domain = findActive(machine, uuid);
  const paused: MachineDomain = {
    ...domain,
    state: 'VIR_DOMAIN_PAUSED',
    reason: 'VIR_DOMAIN_PAUSED_IOERROR',
  };
  const detail = suspended.VIR_DOMAIN_EVENT_SUSPENDED_IOERROR;
  return put(machine, paused, [lifecycle(paused, 'VIR_DOMAIN_EVENT_SUSPENDED', detail)]);
}

/** The host lost power: nothing runs, transient domains are gone, nobody is told. */
export function powerCut(machine: Machine): Machine {
  const domains = new Map<string, MachineDomain>();
  for (const domain of machine.domains.values())
    if (domain.config !== undefined)
      domains.set(domain.uuid, {
        ...domain,
        id: -1,
        live: undefined,
        state: 'VIR_DOMAIN_SHUTOFF',
        reason: 'VIR_DOMAIN_SHUTOFF_UNKNOWN',
      });
  return { nextId: 1, domains };
}
