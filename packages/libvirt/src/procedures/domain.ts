import {
  array,
  defaulted,
  flag,
  int,
  nullable,
  only,
  safeUhyper,
  string,
  struct,
  uchar,
  uhyper,
  uint,
  ushort,
  uuid,
} from '../layouts.ts';
import { domainCheckpointRef, domainRef, domainSnapshotRef } from '../objects.ts';
import { flags, proc } from './procedure.ts';

/** Domains: definition and life cycle. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const domainProcedures = {
  domainCreate: proc(9, { dom: domainRef }),
  /** Starts a transient domain: it vanishes when it stops. */
  domainCreateXml: proc(10, { xmlDesc: string, flags }, domainRef),
  domainDefineXml: proc(11, { xml: string }, domainRef),
  domainDestroy: proc(12, { dom: domainRef }),
  /** The domain's XML; `virDomainXMLFlags` (live unless INACTIVE). */
  domainGetXmlDesc: proc(14, { dom: domainRef, flags }, string),
  domainGetAutostart: proc(15, { dom: domainRef }, flag),
  /** State, memory in KiB, vCPUs, CPU time in ns. */
  domainGetInfo: proc(
    16,
    { dom: domainRef },
    struct({ state: uchar, maxMem: safeUhyper, memory: safeUhyper, nrVirtCpu: ushort, cpuTime: uhyper }),
  ),
  domainGetOsType: proc(19, { dom: domainRef }, string),
  /** A running domain by its id. */
  domainLookupById: proc(22, { id: int }, domainRef),
  /** A domain by name. */
  domainLookupByName: proc(23, { name: string }, domainRef),
  /** A domain by UUID. */
  domainLookupByUuid: proc(24, { uuid }, domainRef),
  /** Asks the guest to reboot; `virDomainRebootFlagValues`. */
  domainReboot: proc(27, { dom: domainRef, flags }),
  /** Lets the vCPUs run on. */
  domainResume: proc(28, { dom: domainRef }),
  /** Whether libvirtd starts the domain by itself. */
  domainSetAutostart: proc(29, { dom: domainRef, autostart: flag }),
  domainShutdown: proc(33, { dom: domainRef }),
  /** Stops the vCPUs; memory stays. */
  domainSuspend: proc(34, { dom: domainRef }),
  domainUndefine: proc(35, { dom: domainRef }),
  domainIsActive: proc(150, { dom: domainRef }, flag),
  domainIsPersistent: proc(151, { dom: domainRef }, flag),
  domainHasCurrentSnapshot: proc(190, { dom: domainRef, flags }, int),
  domainRevertToSnapshot: proc(192, { snap: domainSnapshotRef, flags }),
  /** Starts a defined domain; `virDomainCreateFlags`. The result carries the new id. */
  domainCreateWithFlags: proc(196, { dom: domainRef, flags }, domainRef),
  /** Whether the live configuration differs from the stored one. */
  domainIsUpdated: proc(202, { dom: domainRef }, flag),
  /** `virDomainState` and the reason, whose meaning depends on the state. */
  domainGetState: proc(212, { dom: domainRef, flags }, struct({ state: int, reason: int })),
  /** Removes the definition; a running domain becomes transient; `virDomainUndefineFlagsValues`. */
  domainUndefineFlags: proc(231, { dom: domainRef, flags }),
  /** Pulls the plug; `virDomainDestroyFlagsValues`. */
  domainDestroyFlags: proc(234, { dom: domainRef, flags }),
  /** Presses the reset button. */
  domainReset: proc(245, { dom: domainRef, flags }),
  /** Asks the guest to power off and returns at once; `virDomainShutdownFlagValues`. */
  domainShutdownFlags: proc(258, { dom: domainRef, flags }),
  /** Sets it; null removes it. */
  domainSetMetadata: proc(264, {
    dom: domainRef,
    type: int,
    metadata: nullable(string),
    key: nullable(string),
    uri: nullable(string),
    flags,
  }),
  /** The title, description or an XML element of one's own; `virDomainMetadataType`. */
  domainGetMetadata: proc(265, { dom: domainRef, type: int, uri: nullable(string), flags }, string),
  domainListAllSnapshots: proc(
    274,
    { dom: domainRef, needResults: defaulted(int, 1), flags },
    only('snapshots', { snapshots: array(domainSnapshotRef, 16384), ret: int }, (snapshots) => ({
      ret: snapshots.length,
    })),
  ),
  /** Defines a domain, or redefines the one with that UUID; `virDomainDefineFlags`. */
  domainDefineXmlFlags: proc(350, { xml: string, flags }, domainRef),
  /** Renames a stopped domain. */
  domainRename: proc(358, { dom: domainRef, newName: nullable(string), flags }, int),
  /** What poweroff, reboot or crash does; `virDomainLifecycle`, `virDomainLifecycleAction`. */
  domainSetLifecycleAction: proc(390, { dom: domainRef, type: uint, action: uint, flags }),
  domainListAllCheckpoints: proc(
    413,
    { dom: domainRef, needResults: defaulted(int, 1), flags },
    only('checkpoints', { checkpoints: array(domainCheckpointRef, 16384), ret: int }, (checkpoints) => ({
      ret: checkpoints.length,
    })),
  ),
};
