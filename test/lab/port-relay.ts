import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import type { PrivateLibvirtd } from './private-libvirtd.ts';

/** A port of this machine's loopback that leads to one inside. */
export interface PortRelay {
  readonly port: number;
  /** Closes it and all its connections. */
  stop(): Promise<void>;
}

/** netcat would not pass on that the far end has closed. */
const PIPE = `
const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1');
process.stdin.pipe(socket).pipe(process.stdout);
for (const event of ['error', 'close']) socket.on(event, () => process.exit());`;

/** Leads to 127.0.0.1:`inner` in the daemon's network namespace; a process for each connection. */
export async function relayPort(inside: PrivateLibvirtd, inner: number): Promise<PortRelay> {
  const [command = '', ...args] = inside.enter([process.execPath, '-e', PIPE, String(inner)]);
  const ends = new Set<() => void>();
  const server = createServer((socket) => {
    const pipe = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const end = (): void => {
      socket.destroy();
      pipe.kill();
    };
    ends.add(end);
    socket.pipe(pipe.stdin).on('error', end);
    pipe.stdout.pipe(socket).on('error', end);
    pipe.once('exit', end);
    socket.once('close', () => {
      end();
      ends.delete(end);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const end of ends) end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
