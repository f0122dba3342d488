/** The node's end of a call of the controller: one line in, one line back, and the stream ends. */
import type { Duplex } from 'node:stream';
import {
  err,
  matches,
  NODE_CALL_LIMIT_BYTES,
  type NodeAnswer,
  NodeCall,
  type NodeReply,
  toProblem,
} from '@gantry/model';

/** Carries a call out. @throws GantryError */
export type AnswerCall = (call: NodeCall) => Promise<NodeAnswer<NodeCall['do']>>;

export async function answerCall(bytes: Duplex, answer: AnswerCall): Promise<void> {
  const reply = await replyTo(await firstLine(bytes), answer);
  await new Promise<void>((resolve, reject) => {
    bytes.once('error', reject);
    bytes.end(`${JSON.stringify(reply)}\n`, resolve);
  });
}

async function replyTo(line: string, answer: AnswerCall): Promise<NodeReply> {
  try {
    const call: unknown = JSON.parse(line);
    if (!matches(NodeCall, call)) throw err('agent_outdated', { fields: 'this call' });
    return { answer: await answer(call) };
  } catch (error) {
    return { problem: toProblem(error) };
  }
}

/** Iterating would destroy the stream, through which the answer goes. */
function firstLine(bytes: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder();
    let text = '';
    const done = (act: () => void) => {
      bytes.off('data', take).off('error', reject).off('end', ended);
      act();
    };
    const ended = () => done(() => reject(new Error('the call ended before its first line did')));
    const take = (chunk: Buffer) => {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes('\n')) done(() => resolve(text.split('\n', 1)[0] ?? ''));
      else if (text.length > NODE_CALL_LIMIT_BYTES) done(() => reject(new Error('the call is too long')));
    };
    bytes.on('data', take).on('error', reject).on('end', ended);
  });
}
