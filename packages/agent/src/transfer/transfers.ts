/** Disks from node to node, both ways, as storage uses them. Before the node has certificates it neither takes nor sends. */
import { X509Certificate } from 'node:crypto';
import type { TransferPort } from '@gantry/model';
import type { Logger } from '../actions.ts';
import type { Env } from '../env.ts';
import type { Identity } from '../identity/identity-files.ts';
import { type Expected, Listener } from './listener.ts';
import { broken, type Incoming } from './messages.ts';
import { type Shipment, sendDisk } from './sender.ts';

/** At which nodes take disks, unless told otherwise. */
export const TRANSFER_PORT = 7461;

export interface Transfers {
  receive(
    expected: Expected,
    take: (incoming: Incoming) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  send(shipment: Shipment, log: Logger, signal: AbortSignal): Promise<void>;
}

export interface NodeTransfers extends Transfers {
  /** What other nodes are told; undefined while it takes none. */
  endpoint(): TransferPort | undefined;
  canSend(): boolean;
  /** Goes on with this identity. A port that is taken is logged, and tried again with the next certificates. */
  use(identity: Identity): Promise<void>;
  close(): void;
}

/** @param port 0: take no disks */
export function nodeTransfers(env: Pick<Env, 'log' | 'clock'>, port: number = TRANSFER_PORT): NodeTransfers {
  const listener = new Listener();
  let identity: Identity | undefined;
  return {
    receive: (expected, take, signal) => listener.receive(expected, take, signal),
    async send(shipment, log, signal) {
      if (!identity) throw broken('this node has no certificates yet');
      await sendDisk(shipment, identity, { log, now: env.clock.now }, signal);
    },
    endpoint() {
      const address = identity && addressOf(identity);
      return address !== undefined && listener.port !== undefined
        ? { address, port: listener.port }
        : undefined;
    },
    canSend: () => identity !== undefined,
    async use(present) {
      identity = present;
      if (port === 0) return;
      await listener
        .use(present, port)
        .catch((error: unknown) =>
          env.log('warn', 'disks of other nodes cannot be taken', { port, error: String(error) }),
        );
    },
    close: () => listener.close(),
  };
}

/** Where the controller knows this node: the first address in its certificate. */
export const addressOf = ({ host }: Pick<Identity, 'host'>): string | undefined =>
  /IP Address:([0-9A-Fa-f.:]+)/.exec(new X509Certificate(host.cert).subjectAltName ?? '')?.[1];
