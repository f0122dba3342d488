import { int, nullable, safeHyper, string, uint } from '../layouts.ts';
import { domainRef, networkRef, nodeDeviceRef, secretRef, storagePoolRef } from '../objects.ts';
import { event } from './event-kind.ts';

/** Events of everything but domains. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */

export const networkEventKinds = {
  /** `event` is a virNetworkEventLifecycleType; `detail` has no meaning yet. */
  lifecycle: event(0, 315, { net: networkRef, event: int, detail: int }),
};

export const storagePoolEventKinds = {
  /** `event` is a virStoragePoolEventLifecycleType. */
  lifecycle: event(0, 370, { pool: storagePoolRef, event: int, detail: int }),
  /** The pool's volumes were looked at anew. */
  refresh: event(1, 373, { pool: storagePoolRef }),
};

export const nodeDeviceEventKinds = {
  /** `event` is a virNodeDeviceEventLifecycleType. */
  lifecycle: event(0, 376, { dev: nodeDeviceRef, event: int, detail: int }),
  /** The device's description changed. */
  update: event(1, 377, { dev: nodeDeviceRef }),
};

export const secretEventKinds = {
  /** `event` is a virSecretEventLifecycleType. */
  lifecycle: event(0, 382, { secret: secretRef, event: int, detail: int }),
  valueChanged: event(1, 383, { secret: secretRef }),
};

/** Of QEMU's own program: what a monitor says, as QEMU says it. Not for decisions that libvirt's own events allow. */
export const qemuMonitorEventKinds = {
  /** `event` is QMP's name, `VNC_CONNECTED` for instance; `details` its data as JSON text. */
  monitor: event(0, 6, {
    dom: domainRef,
    event: string,
    seconds: safeHyper,
    micros: uint,
    details: nullable(string),
  }),
};
