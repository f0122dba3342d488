import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { virErrorDomain, virErrorNumber } from '../enums/error.ts';
import type { Out } from '../layouts.ts';
import type { DomainEvent } from '../procedures/domain-events.ts';
import type { EventOf, EventSourceName } from '../procedures/event-sources.ts';
import type { CallResult, CallStream, ProcedureName, procedures } from '../procedures/table.ts';
import type { FakeSasl } from './fake-sasl.ts';
import { FakeSession, type FakeStream, type Fault, refusal } from './fake-session.ts';

/** What the fake does when a call comes. For calls with a stream it gives a {@link FakeStream}. */
export type FakeHandler<N extends ProcedureName> = (
  args: Out<(typeof procedures)[N]['args']>,
) => CallStream<N> extends undefined
  ? CallResult<N> | Promise<CallResult<N>>
  : FakeStream | Promise<FakeStream>;

export type FakeHandlers = { readonly [N in ProcedureName]?: FakeHandler<N> };

/** A call as the fake received it. */
export interface ReceivedCall {
  readonly name: ProcedureName;
  readonly args: unknown;
}

/** A server that speaks libvirt's protocol and does what it is told. */
export interface FakeLibvirtd {
  readonly socketPath: string;
  /** Every call so far, in the order of arrival. */
  readonly calls: readonly ReceivedCall[];
  /** Sets what a call does, from now on. */
  on<N extends ProcedureName>(name: N, handler: FakeHandler<N>): void;
  /** Decides about faults: by call name, `keepAlive` for pings. */
  setFault(fault: (name: string) => Fault): void;
  /** Sends a domain's event to all who registered for it. */
  emit(event: DomainEvent): void;
  /** The same for events of anything else. */
  emitFrom<S extends EventSourceName>(source: S, event: EventOf<S>): void;
  /** Serves a client that came another way, over TLS for instance. */
  accept(connection: Duplex): void;
  /** Closes every connection, as a daemon that restarts does. */
  dropConnections(): void;
  stop(): Promise<void>;
}

const NO_SUPPORT = 'this function is not supported by the connection driver: ';

/** How the fake differs from one that lets everybody in. */
export interface FakeOptions {
  /** Asks for SASL with these accounts. */
  readonly sasl?: FakeSasl;
}

/** Listens on `socketPath`, which must not exist yet. */
export async function startFakeLibvirtd(
  socketPath: string,
  handlers: FakeHandlers = {},
  options: FakeOptions = {},
): Promise<FakeLibvirtd> {
  const table = new Map<string, (args: never) => unknown>(
    Object.entries(handlers) as [string, () => unknown][],
  );
  const calls: ReceivedCall[] = [];
  const sessions = new Set<FakeSession>();
  let fault: (name: string) => Fault = () => 'answer';
  const services = {
    sasl: options.sasl,
    async handle(name: string, args: unknown): Promise<unknown> {
      calls.push({ name: name as ProcedureName, args });
      const handler = table.get(name);
      if (handler === undefined)
        throw refusal(virErrorNumber.VIR_ERR_NO_SUPPORT, virErrorDomain.VIR_FROM_NONE, NO_SUPPORT + name);
      return handler(args as never);
    },
    fault: (name: string) => fault(name),
  };
  const accept = (connection: Duplex): void => {
    const session = new FakeSession(connection, services);
    sessions.add(session);
    connection.once('close', () => sessions.delete(session));
  };
  const server = createServer(accept);
  await listen(server, socketPath);
  const dropConnections = (): void => {
    for (const session of sessions) session.close();
  };
  return {
    socketPath,
    calls,
    on: (name, handler) => void table.set(name, handler),
    setFault: (decide) => {
      fault = decide;
    },
    emit: (event) => {
      for (const session of sessions) session.emit('domain', event);
    },
    emitFrom: (source, event) => {
      for (const session of sessions) session.emit(source, event);
    },
    accept,
    dropConnections,
    async stop() {
      dropConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
}
