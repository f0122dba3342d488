/** One command to a running QEMU over its QMP socket. Source: docs/interop/qmp-spec of QEMU. */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** @throws with QEMU's own words when it refuses */
export async function qmp(socketPath: string, execute: string, args: object): Promise<void> {
  const socket = connect(socketPath);
  const say = (message: object) => socket.write(`${JSON.stringify(message)}\n`);
  let answers = 0;
  try {
    for await (const line of createInterface(socket)) {
      const { QMP, error, ...rest } = JSON.parse(line) as { QMP?: object; error?: object; return?: object };
      if (error) throw new Error(`${execute}: ${JSON.stringify(error)}`);
      if (QMP) say({ execute: 'qmp_capabilities' });
      if (!('return' in rest)) continue;
      if (answers++ > 0) return;
      say({ execute, arguments: args });
    }
    throw new Error(`${execute}: QEMU said no more`);
  } finally {
    socket.destroy();
  }
}
