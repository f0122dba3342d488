import {
  array,
  defaulted,
  hyper,
  int,
  nullable,
  only,
  opaque,
  safeUhyper,
  string,
  struct,
  uhyper,
  uint,
} from '../layouts.ts';
import { domainRef } from '../objects.ts';
import { typedParams } from '../typed-params.ts';
import { flags, proc, stringFlags } from './procedure.ts';

/** Domains: devices, disks, block jobs, backups. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const domainDevicesProcedures = {
  domainAttachDevice: proc(8, { dom: domainRef, xml: string }),
  domainDetachDevice: proc(13, { dom: domainRef, xml: string }),
  domainBlockStats: proc(
    64,
    { dom: domainRef, path: string },
    struct({ rdReq: hyper, rdBytes: hyper, wrReq: hyper, wrBytes: hyper, errs: hyper }),
  ),
  domainBlockPeek: proc(
    103,
    { dom: domainRef, path: string, offset: safeUhyper, size: uint, flags },
    opaque(4194304),
  ),
  /** Adds a device; `virDomainDeviceModifyFlags` chooses live, stored or both. */
  domainAttachDeviceFlags: proc(160, { dom: domainRef, xml: string, flags }),
  /** Asks the guest to give a device up; gone only with the `deviceRemoved` event. */
  domainDetachDeviceFlags: proc(161, { dom: domainRef, xml: string, flags }),
  /** Changes a device: media, link state, password and the like. */
  domainUpdateDeviceFlags: proc(174, { dom: domainRef, xml: string, flags }),
  /** Capacity, allocation and physical size in bytes. */
  domainGetBlockInfo: proc(
    194,
    { dom: domainRef, path: string, flags },
    struct({ allocation: uhyper, capacity: uhyper, physical: uhyper }),
  ),
  /** Ends a block job; `virDomainBlockJobAbortFlags`. */
  domainBlockJobAbort: proc(237, { dom: domainRef, path: string, flags }),
  /** Progress of a block job; `found` is 0 without one. */
  domainGetBlockJobInfo: proc(
    238,
    { dom: domainRef, path: string, flags },
    struct({ found: int, type: int, bandwidth: uhyper, cur: uhyper, end: uhyper }),
  ),
  domainBlockJobSetSpeed: proc(239, { dom: domainRef, path: string, bandwidth: uhyper, flags }),
  /** Merges the backing chain up into the disk. */
  domainBlockPull: proc(240, { dom: domainRef, path: string, bandwidth: uhyper, flags }),
  /** Counters of one disk; `path` empty for all disks together. */
  domainBlockStatsFlags: proc(
    243,
    { dom: domainRef, path: string, nparams: defaulted(int, 16), flags: stringFlags },
    only('params', { params: typedParams(16), nparams: int }, (params) => ({
      nparams: Object.keys(params).length,
    })),
  ),
  /** Grows a disk; KiB unless `virDomainBlockResizeFlags` says bytes. */
  domainBlockResize: proc(251, { dom: domainRef, disk: string, size: uhyper, flags }),
  /** Disks on which I/O stopped the guest; `virDomainDiskErrorCode`. */
  domainGetDiskErrors: proc(
    263,
    { dom: domainRef, maxerrors: uint, flags },
    struct({ errors: array(struct({ disk: string, error: int }), 256), nerrors: int }),
  ),
  domainBlockRebase: proc(266, {
    dom: domainRef,
    path: string,
    base: nullable(string),
    bandwidth: uhyper,
    flags,
  }),
  /** Merges `top` down into `base`. */
  domainBlockCommit: proc(290, {
    dom: domainRef,
    disk: string,
    base: nullable(string),
    top: nullable(string),
    bandwidth: uhyper,
    flags,
  }),
  /** Mirrors a disk to `destxml`; watch `blockJob2`, then `domainBlockJobAbort` with PIVOT. */
  domainBlockCopy: proc(345, {
    dom: domainRef,
    path: string,
    destxml: string,
    params: typedParams(16),
    flags,
  }),
  /** Asks for the `blockThreshold` event once a write passes this offset. */
  domainSetBlockThreshold: proc(386, { dom: domainRef, dev: string, threshold: uhyper, flags }),
  /** As `domainDetachDeviceFlags`, by alias. */
  domainDetachDeviceAlias: proc(392, { dom: domainRef, alias: string, flags }),
  /** Starts a backup job, with a checkpoint of the same moment if given. */
  domainBackupBegin: proc(421, { dom: domainRef, backupXml: string, checkpointXml: nullable(string), flags }),
  domainBackupGetXmlDesc: proc(422, { dom: domainRef, flags }, string),
};
