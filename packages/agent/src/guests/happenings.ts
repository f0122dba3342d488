/** libvirt's events as happenings: why a guest ended is said once, when it has ended. */
import {
  virDomainEventShutdownDetailType as ShutdownDetail,
  virDomainEventStoppedDetailType as StoppedDetail,
  virDomainEventTrayChangeReason as TrayReason,
  virDomainEventType as Type,
  virDomainEventStartedDetailType,
  virDomainEventWatchdogAction as WatchdogAction,
} from '@gantry/libvirt';
import type { DomainHappening } from '../env.ts';
import { wordsOf } from './libvirt-names.ts';
import type { SeenEvent } from './session.ts';

type Happening = Pick<DomainHappening, 'what' | 'detail'>;
type OfDevices = Extract<SeenEvent, { kind: 'deviceAdded' | 'deviceRemoved' | 'deviceRemovalFailed' }>;
const isOfDevices = (event: SeenEvent): event is OfDevices => event.kind.startsWith('device');
type TrayChange = Extract<SeenEvent, { kind: 'trayChange' }>;
type Lifecycle = Extract<SeenEvent, { kind: 'lifecycle' }>;

const types = wordsOf(Type, 'VIR_DOMAIN_EVENT_');
const startedHow = wordsOf(virDomainEventStartedDetailType, 'VIR_DOMAIN_EVENT_STARTED_');
const stoppedHow = wordsOf(StoppedDetail, 'VIR_DOMAIN_EVENT_STOPPED_');
const watchdogHow = wordsOf(WatchdogAction, 'VIR_DOMAIN_EVENT_WATCHDOG_');

/** These actions of a watchdog end the guest; the others leave it running or paused. */
const ENDING: readonly number[] = [
  WatchdogAction.VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF,
  WatchdogAction.VIR_DOMAIN_EVENT_WATCHDOG_SHUTDOWN,
];

/** SeaBIOS resets the machine once or twice more on its way up (its `qemu_reboot` and `HaveRunPost`): one reboot. */
const ONE_REBOOT_MS = 2000;

/**
 * One translator per connection: libvirt tells the cause of an end (panic, watchdog, a signal from the host) before the
 * end itself, so causes are kept until then. Where `on_reboot` ends the guest, libvirt 9.0 tells of a reboot as of a
 * poweroff: QEMU’s own reason does not reach its clients.
 */
export function createTranslator(nowMs: () => number): (event: SeenEvent) => DomainHappening | undefined {
  const causes = new Map<string, Happening>();
  const reboots = new Map<string, number>();
  const isRepeated = (uuid: string): boolean => {
    const last = reboots.get(uuid) ?? Number.NEGATIVE_INFINITY;
    reboots.set(uuid, nowMs());
    return nowMs() - last < ONE_REBOOT_MS;
  };
  return (event) => {
    if (event.kind === 'missed' || event.kind === 'metadataChange') return undefined;
    const { uuid } = event.dom;
    if (event.kind === 'trayChange') return { uuid, ...trayChange(event) };
    if (isOfDevices(event)) return { uuid, what: 'other', detail: `device ${event.devAlias}` };
    if (event.kind === 'reboot' && isRepeated(uuid)) return undefined;
    if (event.kind === 'lifecycle') reboots.delete(uuid);
    const happening = event.kind === 'lifecycle' ? lifecycle(event, causes) : other(event, causes);
    return happening && { uuid, ...happening };
  };
}

/** libvirt opens and closes trays itself when a medium is exchanged, and tells of that in the same words. */
function trayChange({ devAlias, reason }: TrayChange): Happening {
  const open = reason === TrayReason.VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN;
  return { what: 'tray', detail: `the tray of CD drive ${devAlias} was ${open ? 'opened' : 'closed'}` };
}

function lifecycle({ dom, event, detail }: Lifecycle, causes: Map<string, Happening>): Happening {
  switch (event) {
    case Type.VIR_DOMAIN_EVENT_STARTED:
      causes.delete(dom.uuid);
      return { what: 'started', detail: startedHow.get(detail) ?? 'started' };
    case Type.VIR_DOMAIN_EVENT_SHUTDOWN:
      if (detail === ShutdownDetail.VIR_DOMAIN_EVENT_SHUTDOWN_HOST)
        causes.set(dom.uuid, { what: 'crash', detail: 'QEMU was ended by a signal from the host' });
      return { what: 'other', detail: 'the guest is powering off' };
    case Type.VIR_DOMAIN_EVENT_CRASHED:
      causes.set(dom.uuid, { what: 'panic', detail: 'the guest’s kernel panicked' });
      return { what: 'other', detail: 'the guest’s kernel panicked' };
    case Type.VIR_DOMAIN_EVENT_STOPPED:
      return ended(dom.uuid, detail, causes);
    default:
      return { what: 'other', detail: `domain ${types.get(event) ?? `event ${event}`}` };
  }
}

function ended(uuid: string, detail: number, causes: Map<string, Happening>): Happening {
  const cause = causes.get(uuid);
  causes.delete(uuid);
  switch (detail) {
    case StoppedDetail.VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
      return cause ?? { what: 'guest-poweroff', detail: 'the guest powered itself off' };
    case StoppedDetail.VIR_DOMAIN_EVENT_STOPPED_CRASHED:
      return cause ?? { what: 'crash', detail: 'the guest crashed' };
    case StoppedDetail.VIR_DOMAIN_EVENT_STOPPED_FAILED:
      // A watchdog that powers off ends QEMU on the spot, which to libvirt is no orderly end.
      return cause ?? { what: 'crash', detail: 'QEMU ended unexpectedly' };
    default:
      return { what: 'stopped', detail: stoppedHow.get(detail) ?? 'stopped' };
  }
}

function other(
  event: Exclude<
    SeenEvent,
    Lifecycle | OfDevices | TrayChange | { kind: 'missed' } | { kind: 'metadataChange' }
  >,
  causes: Map<string, Happening>,
): Happening {
  switch (event.kind) {
    case 'balloonChange':
      return { what: 'other', detail: 'its balloon moved' };
    case 'reboot':
      return { what: 'guest-reboot', detail: 'the guest rebooted' };
    case 'ioErrorReason':
      return {
        what: 'io-error',
        detail: `disk ${event.srcPath || event.devAlias} failed${event.reason ? `: ${event.reason}` : ''}`,
      };
    case 'watchdog': {
      const detail = `the guest’s watchdog fired: ${watchdogHow.get(event.action) ?? event.action}`;
      if (!ENDING.includes(event.action)) return { what: 'watchdog', detail };
      causes.set(event.dom.uuid, { what: 'watchdog', detail });
      return { what: 'other', detail };
    }
  }
}
