/** `node probe`: the agent finds out its facts anew; they come into the store with its next report. */
import { askNode } from '../node-calls.ts';
import { Draft } from '../store/batch.ts';
import { type Handler, resolve } from './call.ts';
import { refOf } from './list.ts';

/** The self-test is given two minutes by the agent, and libvirt may examine QEMU before it answers. */
const ANSWER_MS = 170_000;

export const probeNode: Handler<'probeNode'> = async (call) => {
  const { app, signal } = call;
  const node = await resolve(call, 'node', refOf(call));
  const message = `let node ${node.name} find out its facts anew`;
  await call.commit(new Draft(app.env.clock.now()), { subject: node, message });
  return { body: await askNode(app, node, { do: 'node.probe' }, signal, ANSWER_MS) };
};
