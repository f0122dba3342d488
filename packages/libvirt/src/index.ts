export type { CallOptions } from './calls.ts';
export {
  type CallAnswer,
  type ConnectOptions,
  connect,
  type LibvirtClient,
  type ProcedureMethods,
} from './client.ts';
export type { Limits } from './connection.ts';
export * from './enums/domain.ts';
export * from './enums/error.ts';
export * from './enums/host.ts';
export * from './enums/misc.ts';
export * from './enums/network.ts';
export * from './enums/snapshot.ts';
export * from './enums/storage.ts';
export * from './errors.ts';
export type { Gap } from './event-queue.ts';
export type { DomainEventOptions, DomainEvents } from './events.ts';
export type { KeepAlive } from './keep-alive.ts';
export type { TypedParamType } from './known-parameters.ts';
export type * from './objects.ts';
export type { DomainEvent, DomainEventKind } from './procedures/domain-events.ts';
export type { CallArgs, CallResult, ProcedureName } from './procedures/table.ts';
export type { LibvirtDuplexStream, LibvirtReadStream, LibvirtWriteStream } from './streams.ts';
export type {
  TypedParam,
  TypedParams,
  TypedParamsIn,
  TypedParamValue,
} from './typed-params.ts';
export { XdrError, type XdrErrorCode } from './xdr.ts';
