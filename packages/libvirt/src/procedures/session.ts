import { array, charBytes, flag, int, nullable, string, struct } from '../layouts.ts';
import { domainRef, networkRef, nodeDeviceRef, secretRef, storagePoolRef } from '../objects.ts';
import { flags, proc } from './procedure.ts';

/** Most bytes of one SASL message. */
const SASL_DATA_MAX = 65_536;
const saslData = charBytes(SASL_DATA_MAX);
const saslReply = struct({ complete: flag, nil: flag, data: saslData });

/** Opening and closing a session, and registering for events: what the client does by itself. */
export const sessionProcedures = {
  connectOpen: proc(1, { name: nullable(string), flags }),
  connectClose: proc(2, {}),
  connectSupportsFeature: proc(60, { feature: int }, flag),
  authList: proc(66, {}, array(int, 20)),
  authSaslInit: proc(67, {}, string),
  authSaslStart: proc(68, { mech: string, nil: flag, data: saslData }, saslReply),
  authSaslStep: proc(69, { nil: flag, data: saslData }, saslReply),
  authPolkit: proc(70, {}, int),
  connectDomainEventCallbackRegisterAny: proc(316, { eventID: int, dom: nullable(domainRef) }, int),
  connectDomainEventCallbackDeregisterAny: proc(317, { callbackID: int }),
  connectNetworkEventRegisterAny: proc(313, { eventID: int, net: nullable(networkRef) }, int),
  connectNetworkEventDeregisterAny: proc(314, { callbackID: int }),
  connectStoragePoolEventRegisterAny: proc(368, { eventID: int, pool: nullable(storagePoolRef) }, int),
  connectStoragePoolEventDeregisterAny: proc(369, { callbackID: int }),
  connectNodeDeviceEventRegisterAny: proc(374, { eventID: int, dev: nullable(nodeDeviceRef) }, int),
  connectNodeDeviceEventDeregisterAny: proc(375, { callbackID: int }),
  connectSecretEventRegisterAny: proc(380, { eventID: int, secret: nullable(secretRef) }, int),
  connectSecretEventDeregisterAny: proc(381, { callbackID: int }),
};

/** As above, of QEMU's own program. */
export const qemuSessionProcedures = {
  connectDomainMonitorEventRegister: proc(
    4,
    { dom: nullable(domainRef), event: nullable(string), flags },
    int,
  ),
  connectDomainMonitorEventDeregister: proc(5, { callbackID: int }),
};

/** Kinds of authentication a server may ask for (`remote_auth_type`). */
export const remoteAuthType = { REMOTE_AUTH_NONE: 0, REMOTE_AUTH_SASL: 1, REMOTE_AUTH_POLKIT: 2 } as const;

/** libvirt's internal feature number for keep-alive messages. */
export const VIR_DRV_FEATURE_PROGRAM_KEEPALIVE = 10;

/** Body of an error packet (`virNetMessageError`). */
export const errorBody = struct({
  code: int,
  domain: int,
  message: nullable(string),
  level: int,
  dom: nullable(domainRef),
  str1: nullable(string),
  str2: nullable(string),
  str3: nullable(string),
  int1: int,
  int2: int,
  net: nullable(networkRef),
});
