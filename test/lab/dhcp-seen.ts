/** Requests for addresses at a bridge, as firmware makes them that boots from the network. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Until a frame with the MAC and with the vendor class of PXE (RFC 4578) comes in. */
const LOOK = `
import socket, sys
bridge, mac = sys.argv[1], bytes.fromhex(sys.argv[2].replace(':', ''))
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.bind((bridge, 0))
print('ready', flush=True)
while True:
    frame = tap.recv(65535)
    if frame[6:12] == mac and b'PXEClient' in frame:
        print('seen', flush=True)
        break
`;

export interface Watch {
  /** Ends when it was seen. */
  readonly seen: Promise<void>;
  stop(): void;
}

/** @param enter what a command is put behind to run where the bridge is */
export async function watchPxe(
  enter: (argv: readonly string[]) => string[],
  bridge: string,
  mac: string,
): Promise<Watch> {
  const [command = '', ...args] = enter(['python3', '-c', LOOK, bridge, mac]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const heard = async (word: string): Promise<void> => {
    while (!text.includes(word)) {
      const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
      text += chunk.toString();
    }
  };
  await heard('ready');
  const seen = heard('seen');
  seen.catch(() => undefined);
  return { seen, stop: () => void child.kill() };
}
