/**
 * Network between virtual nodes, outside all of this machine's: each NIC sends its frames as datagrams over the loopback to
 * a hub, which hands them on to all others and remembers those that carry a tag.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface Tagged {
  /** Of the NIC that sent it. */
  readonly mac: string;
  readonly vlan: number;
  /** With its header. */
  readonly bytes: number;
}

/** A NIC of a virtual node, plugged into the wire. */
export interface Leg {
  readonly mac: string;
  /** Words of QEMU's -netdev, but for its id. */
  readonly netdev: string;
}

export interface Wire {
  plug(): Promise<Leg>;
  /** Frames with an 802.1Q tag that were seen while it lasted. */
  tagged(during: () => Promise<unknown>): Promise<Tagged[]>;
  close(): void;
}

const LOOPBACK = '127.0.0.1';
const TPID = 0x8100;
const TPID_AT = 12;
const VLAN_ID = 0xfff;

export function wire(): Wire {
  const hub: { socket: Socket; port: number; mac: string }[] = [];
  let seen: Tagged[] = [];

  function pass(from: Socket, frame: Buffer): void {
    const mac = hub.find(({ socket }) => socket === from)?.mac ?? '';
    if (frame.length > TPID_AT + 4 && frame.readUInt16BE(TPID_AT) === TPID)
      seen.push({ mac, vlan: frame.readUInt16BE(TPID_AT + 2) & VLAN_ID, bytes: frame.length });
    for (const { socket, port } of hub) if (socket !== from) socket.send(frame, port, LOOPBACK);
  }

  return {
    async plug() {
      const socket = await bound();
      // Let go at once: QEMU binds it when it starts.
      const other = await bound();
      const port = other.address().port;
      other.close();
      const mac = `52:54:00:00:00:${(hub.length + 1).toString(16).padStart(2, '0')}`;
      hub.push({ socket, port, mac });
      socket.on('message', (frame) => pass(socket, frame)).on('error', () => undefined);
      const [local, remote] = [inet('local', port), inet('remote', socket.address().port)];
      return { mac, netdev: `dgram,${local},${remote}` };
    },
    async tagged(during) {
      seen = [];
      await during();
      return seen;
    },
    close() {
      for (const { socket } of hub) socket.close();
    },
  };
}

const inet = (end: string, port: number): string =>
  `${end}.type=inet,${end}.host=${LOOPBACK},${end}.port=${port}`;

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket;
}
