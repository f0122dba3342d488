import { array, hyper, int, nullable, string, struct, uhyper, uint } from '../layouts.ts';
import { domainRef } from '../objects.ts';
import { typedParams } from '../typed-params.ts';
import { type EventBody, event } from './event-kind.ts';

const dom = domainRef;
const graphicsAddress = struct({ family: int, node: string, service: string });

/**
 * Kinds of domain events. `virDomainEvent*` enumerations explain the numbers.
 * Numbers and layouts as in libvirt's remote protocol, release 9.0.0.
 */
export const domainEventKinds = {
  /** `event` is a virDomainEventType; `detail` depends on it (virDomainEventStartedDetailType, ...). */
  lifecycle: event(0, 318, { dom, event: int, detail: int }),
  /** The guest rebooted. */
  reboot: event(1, 319, { dom }),
  /** The guest set its clock; `offset` in seconds from the host's. */
  rtcChange: event(2, 320, { dom, offset: hyper }),
  /** The guest's watchdog fired; `action` a virDomainEventWatchdogAction. */
  watchdog: event(3, 321, { dom, action: int }),
  /** A disk failed; `action` a virDomainEventIOErrorAction. */
  ioError: event(4, 322, { dom, srcPath: string, devAlias: string, action: int }),
  graphics: event(5, 323, {
    dom,
    phase: int,
    local: graphicsAddress,
    remote: graphicsAddress,
    authScheme: string,
    subject: array(struct({ type: string, name: string }), 20),
  }),
  /** As `ioError`, with the reason (`enospc`) where the hypervisor tells it. */
  ioErrorReason: event(6, 324, { dom, srcPath: string, devAlias: string, action: int, reason: string }),
  /** libvirt lost control of the guest, its monitor is broken. */
  controlError: event(7, 325, { dom }),
  /** By file path; `blockJob2` names the disk instead and is the one to use. */
  blockJob: event(8, 326, { dom, path: string, type: int, status: int }),
  diskChange: event(9, 327, {
    dom,
    oldSrcPath: nullable(string),
    newSrcPath: nullable(string),
    devAlias: string,
    reason: int,
  }),
  trayChange: event(10, 328, { dom, devAlias: string, reason: int }),
  pmWakeup: event(11, 329, { reason: int, dom }),
  pmSuspend: event(12, 330, { reason: int, dom }),
  /** The balloon reached `actual` KiB. */
  balloonChange: event(13, 331, { dom, actual: uhyper }),
  pmSuspendDisk: event(14, 332, { reason: int, dom }),
  /** A device is really gone. */
  deviceRemoved: event(15, 333, { dom, devAlias: string }),
  /** A block job ended or is ready; `type` virDomainBlockJobType, `status` virConnectDomainEventBlockJobStatus. */
  blockJob2: event(16, 339, { dom, dst: string, type: int, status: int }),
  tunable: event(17, 346, { dom, params: typedParams(2048) }),
  /** The guest agent's channel opened or closed; `state` virConnectDomainEventAgentLifecycleState. */
  agentLifecycle: event(18, 348, { dom, state: int, reason: int }),
  deviceAdded: event(19, 354, { dom, devAlias: string }),
  /** A migration began another pass over memory. */
  migrationIteration: event(20, 359, { dom, iteration: int }),
  /** A job ended; `params` as of domainGetJobStats. */
  jobCompleted: event(21, 363, { dom, params: typedParams(64) }),
  /** The guest refused to give a device up. */
  deviceRemovalFailed: event(22, 367, { dom, devAlias: string }),
  /** Title, description or an element changed; `type` virDomainMetadataType. */
  metadataChange: event(23, 379, { dom, type: int, nsuri: nullable(string) }),
  /** Writes passed the offset set with domainSetBlockThreshold. */
  blockThreshold: event(24, 385, {
    dom,
    dev: string,
    path: nullable(string),
    threshold: uhyper,
    excess: uhyper,
  }),
  memoryFailure: event(25, 423, { dom, recipient: int, action: int, flags: uint }),
  memoryDeviceSizeChange: event(26, 438, { dom, alias: string, size: uhyper }),
};

export type DomainEventKind = keyof typeof domainEventKinds;

/** One event, told apart by `kind`. */
export type DomainEvent<K extends DomainEventKind = DomainEventKind> = K extends DomainEventKind
  ? { readonly kind: K } & EventBody<(typeof domainEventKinds)[K]>
  : never;
