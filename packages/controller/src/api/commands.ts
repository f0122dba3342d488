/** Commands and files for nodes, by hand: for administrators, unless the cluster's settings let operators too. Always audited. */
import type { Duplex } from 'node:stream';
import { err, type Node } from '@gantry/model';
import { theCluster } from '../operations/guest-spec.ts';
import { Draft } from '../store/batch.ts';
import { type Call, type Handler, resolve } from './call.ts';
import { AUDIT_LENGTH, linesOf, openCommand, runCommand, thrown } from './command-stream.ts';
import { refOf } from './list.ts';

type Asking = Pick<Call, 'app' | 'caller' | 'params' | 'signal' | 'commit'>;

async function targetOf(call: Asking): Promise<Node> {
  const { nodeCommands = 'admins' } = (await theCluster(call.app.store)).spec;
  const may = nodeCommands === 'operators' || (nodeCommands === 'admins' && call.caller.role === 'admin');
  if (!may) {
    const why = `the cluster lets ${nodeCommands} do so; \`gantry cluster access --node-commands\` changes it`;
    throw err('forbidden', { action: 'run commands on nodes', why });
  }
  return await resolve(call, 'node', refOf(call));
}

export const execOnNode: Handler<'execOnNode'> = async (call) => {
  const node = await targetOf(call);
  const message = `run on node ${node.name}: ${JSON.stringify(call.body.argv).slice(0, AUDIT_LENGTH)}`;
  await call.commit(new Draft(call.app.env.clock.now()), { subject: node, message });
  return { events: runCommand(call, node, node, { do: 'exec', ...call.body }) };
};

export const putNodeFile: Handler<'putNodeFile'> = async (call) => {
  const node = await targetOf(call);
  const { path, sizeBytes } = call.query;
  const message = `write ${sizeBytes} bytes to ${path.slice(0, AUDIT_LENGTH)} on node ${node.name}`;
  await call.commit(new Draft(call.app.env.clock.now()), { subject: node, message });
  const tunnel = await openCommand(call.app, node, { do: 'file', ...call.query }, call.signal);
  try {
    const sent = call.bytes ? send(tunnel, call.bytes) : Promise.resolve();
    sent.catch(() => tunnel.destroy());
    for await (const line of linesOf(tunnel)) {
      if ('problem' in line) throw thrown(line.problem);
      if ('written' in line) return { body: line.written };
    }
    throw err('act_unknown', { what: `writing ${path}`, node: node.name });
  } finally {
    tunnel.destroy();
  }
};

async function send(tunnel: Duplex, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of bytes) {
    if (tunnel.destroyed) return;
    if (tunnel.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        tunnel.off('drain', go).off('close', go);
        resolve();
      };
      tunnel.once('drain', go).once('close', go);
    });
  }
}
