import {
  array,
  hyper,
  int,
  nothing,
  nullable,
  only,
  safeHyper,
  string,
  struct,
  uhyper,
  uint,
} from '../layouts.ts';
import { domainRef } from '../objects.ts';
import { typedParams } from '../typed-params.ts';
import { flags, proc, streamProc } from './procedure.ts';

/** Domains: what is inside the guest or reaches into it. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const domainGuestProcedures = {
  /** Counters of one interface, by its host device name. */
  domainInterfaceStats: proc(
    65,
    { dom: domainRef, device: string },
    struct({
      rxBytes: hyper,
      rxPackets: hyper,
      rxErrs: hyper,
      rxDrop: hyper,
      txBytes: hyper,
      txPackets: hyper,
      txErrs: hyper,
      txDrop: hyper,
    }),
  ),
  /** A stream to a console or serial device; `devName` null for the first; `virDomainConsoleFlags`. */
  domainOpenConsole: streamProc(201, { dom: domainRef, devName: nullable(string), flags }, nothing, 'both'),
  /** A non-maskable interrupt. */
  domainInjectNmi: proc(210, { dom: domainRef, flags }),
  /** A picture of a screen as a stream; the result is its MIME type. */
  domainScreenshot: streamProc(211, { dom: domainRef, screen: uint, flags }, nullable(string), 'read'),
  /** Key presses; `codeset` a `virKeycodeSet`, at most 16 codes. */
  domainSendKey: proc(226, {
    dom: domainRef,
    codeset: uint,
    holdtime: uint,
    keycodes: array(uint, 16),
    flags,
  }),
  domainPmSuspendForDuration: proc(261, { dom: domainRef, target: uint, duration: uhyper, flags }),
  /** Wakes a guest suspended to RAM. */
  domainPmWakeup: proc(267, { dom: domainRef, flags }),
  /** The guest's host name. */
  domainGetHostname: proc(277, { dom: domainRef, flags }, string),
  /** Trims file systems through the guest agent. */
  domainFstrim: proc(294, { dom: domainRef, mountPoint: nullable(string), minimum: uhyper, flags }),
  domainSendProcessSignal: proc(295, { dom: domainRef, pidValue: hyper, signum: uint, flags }),
  /** A stream to a virtio channel. */
  domainOpenChannel: streamProc(296, { dom: domainRef, name: nullable(string), flags }, nothing, 'both'),
  /** Freezes file systems through the guest agent; gives how many. */
  domainFsfreeze: proc(335, { dom: domainRef, mountpoints: array(string, 256), flags }, int),
  /** Thaws them; gives how many. */
  domainFsthaw: proc(336, { dom: domainRef, mountpoints: array(string, 256), flags }, int),
  /** The guest's clock as its agent tells. */
  domainGetTime: proc(337, { dom: domainRef, flags }, struct({ seconds: safeHyper, nseconds: uint })),
  /** Sets the guest's clock through its agent. */
  domainSetTime: proc(338, { dom: domainRef, seconds: safeHyper, nseconds: uint, flags }),
  /** The guest's file systems as its agent tells. */
  domainGetFsinfo: proc(
    349,
    { dom: domainRef, flags },
    only(
      'info',
      {
        info: array(
          struct({ mountpoint: string, name: string, fstype: string, devAliases: array(string, 256) }),
          256,
        ),
        ret: uint,
      },
      (info) => ({ ret: info.length }),
    ),
  ),
  /** Addresses; `source` a `virDomainInterfaceAddressesSource`. */
  domainInterfaceAddresses: proc(
    353,
    { dom: domainRef, source: uint, flags },
    array(
      struct({
        name: string,
        hwaddr: nullable(string),
        addrs: array(struct({ type: int, addr: string, prefix: uint }), 2048),
      }),
      2048,
    ),
  ),
  /** Sets a password through the guest agent. */
  domainSetUserPassword: proc(357, {
    dom: domainRef,
    user: nullable(string),
    password: nullable(string),
    flags,
  }),
  /** What the agent knows; `types` a `virDomainGuestInfoTypes`. */
  domainGetGuestInfo: proc(418, { dom: domainRef, types: uint, flags }, typedParams(2048)),
  /** Seconds, or `virDomainAgentResponseTimeoutValues`. */
  domainAgentSetResponseTimeout: proc(420, { dom: domainRef, timeout: int, flags }, int),
  domainAuthorizedSshKeysGet: proc(424, { dom: domainRef, user: string, flags }, array(string, 2048)),
  domainAuthorizedSshKeysSet: proc(425, { dom: domainRef, user: string, keys: array(string, 2048), flags }),
  /** Warnings libvirt keeps about the domain: deprecated features, taint. */
  domainGetMessages: proc(426, { dom: domainRef, flags }, array(string, 2048)),
};
