export { accountIn, formatAuthConf, parseKeyFile } from './auth/auth-conf.ts';
export type { CredentialRequest, CredentialSource, Credentials } from './auth/credentials.ts';
export type { CallOptions } from './calls.ts';
export { connect, type LibvirtClient } from './client.ts';
export type { Limits } from './connection.ts';
export * from './enums/domain-block-jobs.ts';
export * from './enums/domain-events.ts';
export * from './enums/domain-flags.ts';
export * from './enums/domain-guest.ts';
export * from './enums/domain-input.ts';
export * from './enums/domain-jobs.ts';
export * from './enums/domain-state.ts';
export * from './enums/error.ts';
export * from './enums/host.ts';
export * from './enums/misc.ts';
export * from './enums/network.ts';
export * from './enums/snapshot.ts';
export * from './enums/storage.ts';
export * from './errors.ts';
export type { Gap } from './event-queue.ts';
export type { DomainEventOptions, DomainEvents, EventOptions, Events } from './events.ts';
export type { KeepAlive } from './keep-alive.ts';
export type { TypedParamType } from './known-parameters.ts';
export type * from './objects.ts';
export type { ConnectOptions, SessionOptions } from './options.ts';
export {
  connectPersistent,
  type Lost,
  type PersistentClient,
  type PersistentOptions,
  type Reconnected,
} from './persistent.ts';
export type { CallAnswer, ProcedureMethods } from './procedure-calls.ts';
export type { DomainEvent, DomainEventKind } from './procedures/domain-events.ts';
export type {
  NetworkEvent,
  NodeDeviceEvent,
  QemuMonitorEvent,
  SecretEvent,
  StoragePoolEvent,
} from './procedures/event-sources.ts';
export type { CallArgs, CallResult, ProcedureName } from './procedures/table.ts';
export { type Hole, holesToZeros, isHole, type StreamChunk, zerosToHoles } from './stream-chunk.ts';
export type { LibvirtDuplexStream, LibvirtReadStream, LibvirtWriteStream } from './streams.ts';
export type { TlsMaterial } from './transport/pki.ts';
export type {
  TypedParam,
  TypedParams,
  TypedParamsIn,
  TypedParamValue,
} from './typed-params.ts';
export type { Surroundings } from './uri/surroundings.ts';
export { UriError } from './uri/uri-error.ts';
export { XdrError, type XdrErrorCode } from './xdr.ts';
