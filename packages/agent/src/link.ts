/** The agent's way to the controller, over the API client. */
import { type ByteStream, Client, type ClientOptions } from '@gantry/client';
import {
  matches,
  type NodeCertificates,
  type Report,
  type SigningRequests,
  type Speaker,
  TunnelRequest,
} from '@gantry/model';
import type { ControllerLink } from './env.ts';

/** What the loop needs, and the dialling of tunnels, which needs the same connection. */
export interface AgentLink extends ControllerLink {
  /** This node's end of a byte stream that the controller asked for. */
  tunnel(id: string, signal: AbortSignal): Promise<ByteStream>;
  /** Certificates for this node's new keys. */
  certify(requests: SigningRequests, signal: AbortSignal): Promise<NodeCertificates>;
  /** Certificates of the cluster's CA that count no more, PEM. */
  revocations(signal: AbortSignal): Promise<string>;
  /** Whether the controller answers now; over the connection that is there, or a new one. */
  reaches(): Promise<boolean>;
  /** Goes on with other credentials; streams end and are dialled anew. */
  reconnect(options: ClientOptions): void;
  close(): void;
}

/** Until the head of the stream of wake-ups is here; then it stays open. */
const OPEN_TIMEOUT_MS = 10_000;
/** Of one question whether the controller is there. */
const REACH_TIMEOUT_MS = 2000;
const REPORT_TIMEOUT_MS = 20_000;
/** The controller signs with openssl, one after the other: 30 s were not enough where it was busy. */
export const CERTIFICATES_TIMEOUT_MS = 180_000;

/**
 * @param speaker of which machine it is: a copy of the node's disk shall not pass for it
 *
 * Every call may throw `api_unreachable` or what the controller refuses with; the loop tries again. */
export function agentLink(options: ClientOptions, speaker: Speaker = {}): AgentLink {
  let client = new Client(options);
  const machine = speaker.machine === undefined ? {} : { machine: speaker.machine };
  return {
    assignments: async (signal) => await client.call('getAssignments', { query: speaker }, { signal }),
    async watch(from, on, signal) {
      const query = { ...speaker, ...(from === undefined ? {} : { from }) };
      const events = client.events('watchAssignments', { query }, { signal, timeoutMs: OPEN_TIMEOUT_MS });
      for await (const event of events) {
        const tunnel = event.event === 'tunnel' ? tunnelOf(event.data) : undefined;
        if (tunnel) on.tunnel(tunnel);
        else on.changed();
      }
    },
    report: async (report: Report, signal) =>
      await client.call(
        'report',
        { body: { ...report, ...machine } },
        { signal, timeoutMs: REPORT_TIMEOUT_MS },
      ),
    imageContent: async (imageId, signal) =>
      await client.download('getImageContent', { params: { ref: imageId } }, { signal }),
    tunnel: async (id, signal) => await client.byteStream('tunnel', { params: { id } }, { signal }),
    certify: async (requests, signal) =>
      await client.call(
        'renewCertificates',
        { body: { requests } },
        { signal, timeoutMs: CERTIFICATES_TIMEOUT_MS },
      ),
    revocations: async (signal) =>
      (await client.call('getRevocations', {}, { signal, timeoutMs: REPORT_TIMEOUT_MS })).crl,
    reaches: async () =>
      await client.call('health', {}, { timeoutMs: REACH_TIMEOUT_MS }).then(
        ({ ok }) => ok,
        () => false,
      ),
    reconnect(other) {
      const before = client;
      client = new Client(other);
      before.close();
    },
    close: () => client.close(),
  };
}

/** A request that this agent does not understand is left alone: who waits for it is told by its time limit. */
function tunnelOf(data: string): TunnelRequest | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return matches(TunnelRequest, value) ? value : undefined;
  } catch {
    return undefined;
  }
}
