import type { CallOptions } from './calls.ts';
import type { EventOptions, Events } from './events.ts';
import type { EventKindName, EventOf, EventSourceName } from './procedures/event-sources.ts';
import {
  type CallArgs,
  type CallResult,
  type CallStream,
  type ProcedureName,
  procedures,
} from './procedures/table.ts';
import type { StreamChunk } from './stream-chunk.ts';
import type { LibvirtDuplexStream, LibvirtReadStream, LibvirtWriteStream } from './streams.ts';

/** What comes back from a call: its result, or for calls with a stream the stream that carries it. */
export type CallAnswer<N extends ProcedureName> =
  CallStream<N> extends 'both'
    ? LibvirtDuplexStream<CallResult<N>>
    : CallStream<N> extends 'read'
      ? LibvirtReadStream<CallResult<N>>
      : CallStream<N> extends 'write'
        ? LibvirtWriteStream<CallResult<N>>
        : CallResult<N>;

/** Arguments may be left out where every one of them may. */
export type CallParameters<N extends ProcedureName> =
  Record<never, never> extends CallArgs<N>
    ? [args?: CallArgs<N>, options?: CallOptions]
    : [args: CallArgs<N>, options?: CallOptions];

/** One method per procedure of the table. */
export type ProcedureMethods = {
  readonly [N in ProcedureName]: (...parameters: CallParameters<N>) => Promise<CallAnswer<N>>;
};

/** The calls whose streams may carry holes. */
export type SparseName = 'storageVolDownload' | 'storageVolUpload';
export const SPARSE_FLAG = 1;

/**
 * Everything that is called by name, for the two kinds of client. The procedures' methods are put on the prototype
 * below, from the table their types are made of.
 */
export abstract class ProcedureCalls<Mark = never> {
  /** Any call by name, for callers that choose it at run time; the methods are this with the name fixed. */
  abstract call<N extends ProcedureName>(name: N, ...parameters: CallParameters<N>): Promise<CallAnswer<N>>;

  /** A stream with holes. */
  protected abstract sparse(name: SparseName, args: object, options: CallOptions): Promise<unknown>;

  /** Events of any source; the methods below are this with the source fixed. */
  abstract events<S extends EventSourceName, K extends EventKindName<S>>(
    source: S,
    kinds: readonly K[],
    options?: EventOptions<S, K>,
  ): Events<EventOf<S, K> | Mark>;

  /** Domain events of these kinds, in order. Registered at once; await `ready` to be sure that none is missed. */
  domainEvents<K extends EventKindName<'domain'>>(kinds: readonly K[], options?: EventOptions<'domain', K>) {
    return this.events('domain', kinds, options);
  }

  /** Networks started, stopped, defined, undefined. */
  networkEvents<K extends EventKindName<'network'>>(
    kinds: readonly K[],
    options?: EventOptions<'network', K>,
  ) {
    return this.events('network', kinds, options);
  }

  /** Storage pools: their life, and when they were refreshed. */
  storagePoolEvents<K extends EventKindName<'storagePool'>>(
    kinds: readonly K[],
    options?: EventOptions<'storagePool', K>,
  ) {
    return this.events('storagePool', kinds, options);
  }

  /** Host devices that come, go or change. */
  nodeDeviceEvents<K extends EventKindName<'nodeDevice'>>(
    kinds: readonly K[],
    options?: EventOptions<'nodeDevice', K>,
  ) {
    return this.events('nodeDevice', kinds, options);
  }

  /** Secrets defined, undefined, and given a value. */
  secretEvents<K extends EventKindName<'secret'>>(kinds: readonly K[], options?: EventOptions<'secret', K>) {
    return this.events('secret', kinds, options);
  }

  /** QEMU's own events, unexplained by libvirt; for looking on, not for building on. */
  qemuMonitorEvents(options?: EventOptions<'qemuMonitor', 'monitor'>) {
    return this.events('qemuMonitor', ['monitor'], options);
  }

  /** Reads a volume; holes come as `{ hole: bytes }` and not as zeros. */
  storageVolDownloadSparse(
    args: CallArgs<'storageVolDownload'>,
    options: CallOptions = {},
  ): Promise<LibvirtReadStream<void, StreamChunk>> {
    return this.sparse('storageVolDownload', withSparseFlag(args), options) as never;
  }

  /** Writes a volume; `{ hole: bytes }` makes one where the volume's format can have them. */
  storageVolUploadSparse(
    args: CallArgs<'storageVolUpload'>,
    options: CallOptions = {},
  ): Promise<LibvirtWriteStream<void, StreamChunk>> {
    return this.sparse('storageVolUpload', withSparseFlag(args), options) as never;
  }
}

const withSparseFlag = <A extends { readonly flags?: number | undefined }>(args: A): A => ({
  ...args,
  flags: (args.flags ?? 0) | SPARSE_FLAG,
});

for (const name of Object.keys(procedures) as ProcedureName[])
  Object.defineProperty(ProcedureCalls.prototype, name, {
    value(this: ProcedureCalls, ...parameters: unknown[]) {
      return this.call(name, ...(parameters as [never]));
    },
  });
