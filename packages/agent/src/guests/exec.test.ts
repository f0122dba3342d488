import type { CommandOutput } from '@gantry/model';
import { expect, test } from 'vitest';
import { runByAgent, type Tell } from './exec.ts';

const b64 = (text: string) => Buffer.from(text).toString('base64');

/** Plays a guest agent by its answers, in virtual time. */
async function exec(
  statuses: readonly unknown[],
  started: unknown = { return: { pid: 42 } },
  timeoutMs = 1000,
) {
  let nowMs = 0;
  const told: [string, unknown][] = [];
  const said: CommandOutput[] = [];
  const left = [...statuses];
  const tell: Tell = async (execute, args) => {
    told.push([execute, args]);
    return execute === 'guest-exec' ? started : left.length > 1 ? left.shift() : left[0];
  };
  const clock = {
    bootMs: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const say = async (line: CommandOutput) => void said.push(line);
  const command = { argv: ['ls', '-l', '$HOME; reboot'], timeoutMs, input: b64('in') };
  await runByAgent(command, { tell, name: 'web1', clock }, say, new AbortController().signal);
  return { told, said, nowMs };
}

const running = { return: { exited: false } };

test('argument by argument, asked after until it has ended', async () => {
  const done = { return: { exited: true, exitcode: 3, 'out-data': b64('out'), 'err-data': b64('err') } };
  const { told, said } = await exec([running, running, done]);
  expect(told[0]).toEqual([
    'guest-exec',
    { path: 'ls', arg: ['-l', '$HOME; reboot'], 'capture-output': true, 'input-data': b64('in') },
  ]);
  expect(told.slice(1)).toEqual(Array(3).fill(['guest-exec-status', { pid: 42 }]));
  expect(said).toEqual([{ out: b64('out') }, { err: b64('err') }, { end: { code: 3, timedOut: false } }]);
});

test('a signal, and output that was cut', async () => {
  const { said } = await exec([{ return: { exited: true, signal: 9, 'out-truncated': true } }]);
  expect(said).toEqual([{ end: { signal: 'signal 9', timedOut: false, cut: true } }]);
});

test('its time limit ends it in the guest too', async () => {
  const { told, said, nowMs } = await exec([running]);
  expect(said).toEqual([{ end: { timedOut: true } }]);
  expect(told.at(-1)).toEqual(['guest-exec', { path: 'kill', arg: ['-KILL', '42'], 'capture-output': true }]);
  expect(nowMs).toBe(1000);
});

test.each([
  ['no pid', [running], { return: {} }],
  ['a pid that is none', [running], { return: { pid: '1; reboot' } }],
  ['nothing', [null]],
  ['output that is no base64', [{ return: { exited: true, exitcode: 0, 'out-data': '\u0000<>' } }]],
  ['a status of another shape', [{ return: { exited: 'yes' } }]],
])('an agent that answers %s is refused', async (_what, statuses, started?: unknown) => {
  await expect(exec(statuses, started)).rejects.toMatchObject({ code: 'guest_agent' });
});
