import { PROGRAM } from '../frame.ts';
import type { Domain, Network, NodeDevice, Secret, StoragePool } from '../objects.ts';
import { domainEventKinds } from './domain-events.ts';
import type { EventBody, EventKind } from './event-kind.ts';
import {
  networkEventKinds,
  nodeDeviceEventKinds,
  qemuMonitorEventKinds,
  secretEventKinds,
  storagePoolEventKinds,
} from './object-events.ts';
import type { SessionProcedureName } from './table.ts';

/**
 * What sends events: the kinds there are, the call that registers for one, and by what an event's object is known.
 * A registration names no object: a server takes each kind once per connection, so kinds are shared and sorted here.
 */
export const eventSources = {
  domain: {
    program: PROGRAM.remote,
    kinds: domainEventKinds,
    register: 'connectDomainEventCallbackRegisterAny',
    identify: ({ dom }: { dom: Domain }) => dom.uuid,
  },
  network: {
    program: PROGRAM.remote,
    kinds: networkEventKinds,
    register: 'connectNetworkEventRegisterAny',
    identify: ({ net }: { net: Network }) => net.uuid,
  },
  storagePool: {
    program: PROGRAM.remote,
    kinds: storagePoolEventKinds,
    register: 'connectStoragePoolEventRegisterAny',
    identify: ({ pool }: { pool: StoragePool }) => pool.uuid,
  },
  nodeDevice: {
    program: PROGRAM.remote,
    kinds: nodeDeviceEventKinds,
    register: 'connectNodeDeviceEventRegisterAny',
    identify: ({ dev }: { dev: NodeDevice }) => dev.name,
  },
  secret: {
    program: PROGRAM.remote,
    kinds: secretEventKinds,
    register: 'connectSecretEventRegisterAny',
    identify: ({ secret }: { secret: Secret }) => secret.uuid,
  },
  qemuMonitor: {
    program: PROGRAM.qemu,
    kinds: qemuMonitorEventKinds,
    register: 'connectDomainMonitorEventRegister',
    identify: ({ dom }: { dom: Domain }) => dom.uuid,
  },
} as const satisfies Readonly<Record<string, AnySource>>;

interface AnySource {
  readonly program: number;
  // biome-ignore lint/suspicious/noExplicitAny: the bound of a table of layouts, see AnyLayout
  readonly kinds: Readonly<Record<string, EventKind<any>>>;
  readonly register: SessionProcedureName;
  identify(event: never): string;
}

type Sources = typeof eventSources;
export type EventSourceName = keyof Sources;
export type EventKindName<S extends EventSourceName> = keyof Sources[S]['kinds'] & string;

/** One event, told apart by `kind`. */
export type EventOf<S extends EventSourceName, K extends EventKindName<S> = EventKindName<S>> =
  K extends EventKindName<S> ? { readonly kind: K } & EventBody<Sources[S]['kinds'][K]> : never;

/** What names the object whose events are wanted: `{ dom }`, `{ net }`, `{ pool }`, `{ dev }`, `{ secret }`. */
export type EventSubject<S extends EventSourceName> = Parameters<Sources[S]['identify']>[0];

export type NetworkEvent = EventOf<'network'>;
export type StoragePoolEvent = EventOf<'storagePool'>;
export type NodeDeviceEvent = EventOf<'nodeDevice'>;
export type SecretEvent = EventOf<'secret'>;
export type QemuMonitorEvent = EventOf<'qemuMonitor'>;
