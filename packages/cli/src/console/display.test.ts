import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import { expect, test } from 'vitest';
import { openDoor } from './display.ts';

/** A display that greets and echoes. */
function display() {
  const [near, far] = duplexPair();
  far.on('error', () => undefined);
  far.write('RFB 003.008\n');
  far.on('data', (chunk: Buffer) => far.write(chunk));
  return { bytes: near, closed: new Promise<string>(() => undefined) };
}
const viewerOf = async (port: number): Promise<Socket> => {
  const viewer = connect(port, '127.0.0.1');
  viewer.on('error', () => undefined);
  await once(viewer, 'connect');
  return viewer;
};

/** A viewer who is let in, as soon as one is: the door may not know yet that the one before him has gone. */
async function served(port: number): Promise<Socket> {
  for (;;) {
    const viewer = await viewerOf(port);
    const first = await Promise.race([once(viewer, 'data'), once(viewer, 'close')]);
    if (String(first[0]) === 'RFB 003.008\n') return viewer;
  }
}

test('bytes go both ways, one viewer at a time, the next after him', async () => {
  const door = await openDoor(
    async () => display(),
    0,
    () => undefined,
  );
  const first = await viewerOf(door.port);
  expect(String((await once(first, 'data'))[0])).toBe('RFB 003.008\n');
  first.write('hello');
  expect(String((await once(first, 'data'))[0])).toBe('hello');
  const second = await viewerOf(door.port);
  await once(second, 'close');
  first.destroy();
  const third = await served(door.port);
  await door.close();
  await once(third, 'close');
});

test('a refusal closes the viewer and is told', async () => {
  const told: string[] = [];
  const refused = () => Promise.reject(new Error('instance web1 is stopped'));
  const door = await openDoor(refused, 0, (message) => told.push(message));
  const viewer = await viewerOf(door.port);
  viewer.resume();
  await once(viewer, 'close');
  expect(told).toEqual(['instance web1 is stopped']);
  await door.close();
});

test('a port that is taken is refused', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  await expect(
    openDoor(
      async () => display(),
      port,
      () => undefined,
    ),
  ).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  other.close();
});
