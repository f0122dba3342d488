import { int, nullable, safeUhyper, string, struct, uhyper, uint } from '../layouts.ts';
import { domainRef } from '../objects.ts';
import { typedParams } from '../typed-params.ts';
import { flags, proc } from './procedure.ts';

/** Domains: jobs, migration, save, restore, dump. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const domainJobsProcedures = {
  domainCoreDump: proc(53, { dom: domainRef, to: string, flags }),
  domainRestore: proc(54, { from: string }),
  domainSave: proc(55, { dom: domainRef, to: string }),
  /** The running job in the old fixed form. */
  domainGetJobInfo: proc(
    163,
    { dom: domainRef },
    struct({
      type: int,
      timeElapsed: uhyper,
      timeRemaining: uhyper,
      dataTotal: uhyper,
      dataProcessed: uhyper,
      dataRemaining: uhyper,
      memTotal: uhyper,
      memProcessed: uhyper,
      memRemaining: uhyper,
      fileTotal: uhyper,
      fileProcessed: uhyper,
      fileRemaining: uhyper,
    }),
  ),
  /** Aborts the running job, a migration for instance. */
  domainAbortJob: proc(164, { dom: domainRef }),
  /** The downtime to aim at, in ms. */
  domainMigrateSetMaxDowntime: proc(166, { dom: domainRef, downtime: safeUhyper, flags }),
  /** Saves memory to libvirt's own file; the next start restores it. */
  domainManagedSave: proc(182, { dom: domainRef, flags }),
  domainHasManagedSaveImage: proc(183, { dom: domainRef, flags }, int),
  domainManagedSaveRemove: proc(184, { dom: domainRef, flags }),
  /** MiB/s, or bytes/s of post-copy with `virDomainMigrateMaxSpeedFlags`. */
  domainMigrateSetMaxSpeed: proc(207, { dom: domainRef, bandwidth: uhyper, flags }),
  domainSaveFlags: proc(232, { dom: domainRef, to: string, dxml: nullable(string), flags }),
  domainRestoreFlags: proc(233, { from: string, dxml: nullable(string), flags }),
  domainSaveImageGetXmlDesc: proc(235, { file: string, flags }, string),
  domainSaveImageDefineXml: proc(236, { file: string, dxml: string, flags }),
  domainMigrateGetMaxSpeed: proc(242, { dom: domainRef, flags }, uhyper),
  /** The running job, or with COMPLETED the last one. */
  domainGetJobStats: proc(298, { dom: domainRef, flags }, struct({ type: int, params: typedParams(64) })),
  domainMigrateGetCompressionCache: proc(299, { dom: domainRef, flags }, uhyper),
  domainMigrateSetCompressionCache: proc(300, { dom: domainRef, cacheSize: uhyper, flags }),
  domainCoreDumpWithFormat: proc(334, { dom: domainRef, to: string, dumpformat: uint, flags }),
  /** Switches a running migration to post-copy. */
  domainMigrateStartPostCopy: proc(364, { dom: domainRef, flags }),
  domainMigrateGetMaxDowntime: proc(387, { dom: domainRef, flags }, safeUhyper),
  domainManagedSaveGetXmlDesc: proc(388, { dom: domainRef, flags }, string),
  domainManagedSaveDefineXml: proc(389, { dom: domainRef, dxml: nullable(string), flags }),
  domainSaveParams: proc(440, { dom: domainRef, params: typedParams(64), flags }),
  domainRestoreParams: proc(441, { params: typedParams(64), flags }),
  domainAbortJobFlags: proc(442, { dom: domainRef, flags }),
};
