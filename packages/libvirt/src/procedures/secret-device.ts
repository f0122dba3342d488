import { array, flag, int, nullable, opaque, string, uuid } from '../layouts.ts';
import { nodeDeviceRef, secretRef } from '../objects.ts';
import { flags, proc } from './procedure.ts';

/** Secrets and node devices. Numbers and layouts as in libvirt's remote protocol, release 9.0.0. */
export const secretDeviceProcedures = {
  nodeDeviceLookupByName: proc(113, { name: string }, nodeDeviceRef),
  nodeDeviceGetXmlDesc: proc(114, { name: string, flags }, string),
  nodeDeviceGetParent: proc(115, { name: string }, nullable(string)),
  nodeDeviceNumOfCaps: proc(116, { name: string }, int),
  nodeDeviceListCaps: proc(117, { name: string, maxnames: int }, array(string, 65536)),
  nodeDeviceDettach: proc(118, { name: string }),
  nodeDeviceReAttach: proc(119, { name: string }),
  nodeDeviceReset: proc(120, { name: string }),
  nodeDeviceCreateXml: proc(123, { xmlDesc: string, flags }, nodeDeviceRef),
  nodeDeviceDestroy: proc(124, { name: string }),
  secretLookupByUuid: proc(141, { uuid }, secretRef),
  secretDefineXml: proc(142, { xml: string, flags }, secretRef),
  secretGetXmlDesc: proc(143, { secret: secretRef, flags }, string),
  secretSetValue: proc(144, { secret: secretRef, value: opaque(65536), flags }),
  secretGetValue: proc(145, { secret: secretRef, flags }, opaque(65536)),
  secretUndefine: proc(146, { secret: secretRef }),
  secretLookupByUsage: proc(147, { usageType: int, usageID: string }, secretRef),
  nodeDeviceLookupScsiHostByWwn: proc(297, { wwnn: string, wwpn: string, flags }, nodeDeviceRef),
  nodeDeviceDetachFlags: proc(301, { name: string, driverName: nullable(string), flags }),
  nodeDeviceDefineXml: proc(428, { xmlDesc: string, flags }, nodeDeviceRef),
  nodeDeviceUndefine: proc(429, { name: string, flags }),
  nodeDeviceCreate: proc(430, { name: string, flags }),
  nodeDeviceGetAutostart: proc(433, { name: string }, flag),
  nodeDeviceSetAutostart: proc(434, { name: string, autostart: flag }),
  nodeDeviceIsPersistent: proc(435, { name: string }, flag),
  nodeDeviceIsActive: proc(436, { name: string }, flag),
};
