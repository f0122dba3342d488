import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { fakeIo } from '../testing/fake-io.ts';
import { attach } from './attach.ts';

/** A console whose other end is in the test's hand. */
function line() {
  const [bytes, far] = duplexPair();
  let close: (reason: string) => void = () => undefined;
  const closed = new Promise<string>((resolve) => {
    close = resolve;
    far.once('end', () => resolve(''));
  });
  let typed = '';
  far.on('data', (data: Buffer) => {
    typed += data.toString();
  });
  return { far, typed: () => typed, close, stream: { bytes, closed } };
}

function terminal() {
  const io = fakeIo();
  const modes: boolean[] = [];
  Object.assign(io.stdin, { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
  return { io, modes };
}

test('the key leaves the console, what was typed before it is sent, the terminal is put back', async () => {
  const { io, modes } = terminal();
  const { typed, far, stream } = line();
  const ended = attach(io, stream);
  far.write('login: ');
  await expect.poll(() => io.out()).toBe('login: ');
  io.stdin.write('ls\r\u001dnever sent');
  expect(await ended).toEqual({ how: 'detached', reason: '' });
  expect(typed()).toBe('ls\r');
  expect(modes).toEqual([true, false]);
});

test('Ctrl-C goes to the guest', async () => {
  const { io } = terminal();
  const { typed, stream } = line();
  const ended = attach(io, stream);
  io.stdin.write('\u0003\u001d');
  await ended;
  expect(typed()).toBe('\u0003');
});

test('the other end closes: its reason is told, the terminal is put back', async () => {
  const { io, modes } = terminal();
  const { far, close, stream } = line();
  const ended = attach(io, stream);
  far.end('last words');
  close('the guest \u001b[31mstopped');
  expect(await ended).toEqual({ how: 'closed', reason: 'the guest \\x1b[31mstopped' });
  expect(io.out()).toBe('last words');
  expect(modes.at(-1)).toBe(false);
});

test('a pipe has no key: all is sent, and the answer is awaited a moment', async () => {
  const io = fakeIo();
  const { typed, far, stream } = line();
  const ended = attach(io, stream, 100);
  far.once('data', () => far.write('answer'));
  io.stdin.end('a\u001db');
  expect(await ended).toEqual({ how: 'input ended', reason: '' });
  expect(typed()).toBe('a\u001db');
  expect(io.out()).toBe('answer');
});
