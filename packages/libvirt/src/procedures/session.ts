import { array, flag, int, nullable, string, struct } from '../layouts.ts';
import { domainRef, networkRef } from '../objects.ts';
import { flags, proc } from './procedure.ts';

/** Opening and closing a session, and registering for events: what the client does by itself. */
export const sessionProcedures = {
  connectOpen: proc(1, { name: nullable(string), flags }),
  connectClose: proc(2, {}),
  connectSupportsFeature: proc(60, { feature: int }, flag),
  authList: proc(66, {}, array(int, 20)),
  authPolkit: proc(70, {}, int),
  connectDomainEventCallbackRegisterAny: proc(316, { eventID: int, dom: nullable(domainRef) }, int),
  connectDomainEventCallbackDeregisterAny: proc(317, { callbackID: int }),
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
