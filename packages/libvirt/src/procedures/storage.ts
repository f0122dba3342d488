import {
  array,
  defaulted,
  flag,
  int,
  nothing,
  only,
  safeUhyper,
  string,
  struct,
  uchar,
  uhyper,
  uint,
  uuid,
} from '../layouts.ts';
import { storagePoolRef, storageVolRef } from '../objects.ts';
import { flags, proc, streamProc } from './procedure.ts';

/** Storage pools and volumes. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const storageProcedures = {
  storagePoolCreateXml: proc(76, { xml: string, flags }, storagePoolRef),
  storagePoolDefineXml: proc(77, { xml: string, flags }, storagePoolRef),
  storagePoolCreate: proc(78, { pool: storagePoolRef, flags }),
  storagePoolBuild: proc(79, { pool: storagePoolRef, flags }),
  storagePoolDestroy: proc(80, { pool: storagePoolRef }),
  storagePoolDelete: proc(81, { pool: storagePoolRef, flags }),
  storagePoolUndefine: proc(82, { pool: storagePoolRef }),
  storagePoolRefresh: proc(83, { pool: storagePoolRef, flags }),
  storagePoolLookupByName: proc(84, { name: string }, storagePoolRef),
  storagePoolLookupByUuid: proc(85, { uuid }, storagePoolRef),
  storagePoolLookupByVolume: proc(86, { vol: storageVolRef }, storagePoolRef),
  storagePoolGetInfo: proc(
    87,
    { pool: storagePoolRef },
    struct({ state: uchar, capacity: uhyper, allocation: uhyper, available: uhyper }),
  ),
  storagePoolGetXmlDesc: proc(88, { pool: storagePoolRef, flags }, string),
  storagePoolGetAutostart: proc(89, { pool: storagePoolRef }, flag),
  storagePoolSetAutostart: proc(90, { pool: storagePoolRef, autostart: flag }),
  storagePoolNumOfVolumes: proc(91, { pool: storagePoolRef }, int),
  storagePoolListVolumes: proc(92, { pool: storagePoolRef, maxnames: int }, array(string, 16384)),
  storageVolCreateXml: proc(93, { pool: storagePoolRef, xml: string, flags }, storageVolRef),
  storageVolDelete: proc(94, { vol: storageVolRef, flags }),
  storageVolLookupByName: proc(95, { pool: storagePoolRef, name: string }, storageVolRef),
  storageVolLookupByKey: proc(96, { key: string }, storageVolRef),
  storageVolLookupByPath: proc(97, { path: string }, storageVolRef),
  storageVolGetInfo: proc(
    98,
    { vol: storageVolRef },
    struct({ type: int, capacity: uhyper, allocation: uhyper }),
  ),
  storageVolGetXmlDesc: proc(99, { vol: storageVolRef, flags }, string),
  storageVolGetPath: proc(100, { vol: storageVolRef }, string),
  storageVolCreateXmlFrom: proc(
    125,
    { pool: storagePoolRef, xml: string, clonevol: storageVolRef, flags },
    storageVolRef,
  ),
  storagePoolIsActive: proc(154, { pool: storagePoolRef }, flag),
  storagePoolIsPersistent: proc(155, { pool: storagePoolRef }, flag),
  storageVolWipe: proc(165, { vol: storageVolRef, flags }),
  /** Writes a volume from a stream. */
  storageVolUpload: streamProc(
    208,
    { vol: storageVolRef, offset: safeUhyper, length: uhyper, flags },
    nothing,
    'write',
  ),
  /** Reads a volume as a stream. */
  storageVolDownload: streamProc(
    209,
    { vol: storageVolRef, offset: safeUhyper, length: uhyper, flags },
    nothing,
    'read',
  ),
  storageVolWipePattern: proc(259, { vol: storageVolRef, algorithm: uint, flags }),
  storageVolResize: proc(260, { vol: storageVolRef, capacity: uhyper, flags }),
  /** The pool's volumes. */
  storagePoolListAllVolumes: proc(
    282,
    { pool: storagePoolRef, needResults: defaulted(int, 1), flags },
    only('vols', { vols: array(storageVolRef, 16384), ret: uint }, (vols) => ({ ret: vols.length })),
  ),
  storageVolGetInfoFlags: proc(
    378,
    { vol: storageVolRef, flags },
    struct({ type: int, capacity: uhyper, allocation: uhyper }),
  ),
  storagePoolLookupByTargetPath: proc(391, { path: string }, storagePoolRef),
};
