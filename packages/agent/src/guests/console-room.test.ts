import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type ConsoleStream, createConsoleRooms, LINGER_MS } from './console-room.ts';

/** @param patienceMs how long those who read nothing are waited for; it lingers for 20 ms */
const clockOf = (patienceMs: number) => ({
  sleep: (ms: number, signal?: AbortSignal) =>
    sleep(ms === LINGER_MS ? 20 : patienceMs, undefined, signal ? { signal } : {}),
});

/** A guest's end of its console. */
function console_(patienceMs = 60_000, agrees: Promise<void> = Promise.resolve()) {
  let opened = 0;
  const typed: string[] = [];
  let guest: ReadableStreamDefaultController<Uint8Array> | undefined;
  let left = 0;
  const open = async (): Promise<ConsoleStream> => {
    opened++;
    return {
      readable: new ReadableStream({
        start: (controller) => {
          guest = controller;
        },
        cancel: () => {
          left++;
        },
      }),
      writable: new WritableStream({
        write: (chunk) => {
          typed.push(Buffer.from(chunk as Uint8Array).toString());
        },
        close: async () => {
          await agrees;
          typed.push('end');
        },
      }),
    };
  };
  return {
    rooms: createConsoleRooms(open, clockOf(patienceMs)),
    typed,
    says: (text: string) => guest?.enqueue(Buffer.from(text)),
    stops: () => guest?.close(),
    count: () => ({ opened, left }),
  };
}

const heard = (seat: AsyncIterable<Buffer> | NodeJS.ReadableStream) => {
  const said: string[] = [];
  (seat as NodeJS.ReadableStream)
    .on('data', (chunk) => said.push(String(chunk)))
    .on('error', () => undefined);
  return () => said.join('');
};

test('all see what the guest says, all may type, and it is opened once', async () => {
  const guest = console_();
  const [ann, bob] = await Promise.all([guest.rooms.enter('web1'), guest.rooms.enter('web1')]);
  const [annHears, bobHears] = [heard(ann), heard(bob)];
  guest.says('login: ');
  ann.write('root\n');
  await expect.poll(() => guest.typed).toEqual(['root\n']);
  bob.write('secret\n');
  await expect.poll(() => guest.typed).toEqual(['root\n', 'secret\n']);
  await expect.poll(() => [annHears(), bobHears()]).toEqual(['login: ', 'login: ']);
  expect(guest.count()).toEqual({ opened: 1, left: 0 });
});

test('the last who leaves closes it, and whoever comes then opens it again', async () => {
  const guest = console_();
  const ann = await guest.rooms.enter('web1');
  const bob = await guest.rooms.enter('web1');
  ann.destroy();
  await once(ann, 'close');
  expect(guest.count()).toEqual({ opened: 1, left: 0 });
  bob.destroy();
  await expect.poll(guest.count).toEqual({ opened: 1, left: 1 });
  const carol = await guest.rooms.enter('web1');
  const hears = heard(carol);
  guest.says('again');
  await expect.poll(() => [hears(), guest.count().opened]).toEqual(['again', 2]);
});

test('it stays open a while after the last has left: who comes then finds it so', async () => {
  const guest = console_();
  const ann = await guest.rooms.enter('web1');
  ann.end('q');
  ann.destroy();
  await once(ann, 'close');
  const hears = heard(await guest.rooms.enter('web1'));
  await sleep(60);
  guest.says('still here');
  await expect.poll(hears).toBe('still here');
  expect(guest.typed).toEqual(['q']);
  expect(guest.count()).toEqual({ opened: 1, left: 0 });
});

test('what was typed is given before it is closed; a guest that takes nothing is waited for no longer than others', async () => {
  const taken = Promise.withResolvers<void>();
  const guest = console_(60_000, taken.promise);
  (await guest.rooms.enter('web1')).destroy();
  await sleep(60);
  expect(guest.count().left).toBe(0);
  taken.resolve();
  await expect.poll(guest.count).toEqual({ opened: 1, left: 1 });
  expect(guest.typed).toEqual(['end']);

  const stuck = console_(20, new Promise(() => undefined));
  (await stuck.rooms.enter('web1')).destroy();
  await expect.poll(stuck.count).toEqual({ opened: 1, left: 1 });
});

test('who enters while the last one leaves gets a room that is open', async () => {
  const guest = console_();
  const ann = await guest.rooms.enter('web1');
  const entering = guest.rooms.enter('web1');
  ann.destroy();
  const hears = heard(await entering);
  guest.says('here');
  await expect.poll(hears).toBe('here');
});

test('when the guest ends all are told', async () => {
  const guest = console_();
  const seats = await Promise.all([guest.rooms.enter('web1'), guest.rooms.enter('web1')]);
  const ends = seats.map((seat) => new Promise((resolve) => seat.resume().once('end', () => resolve('end'))));
  guest.stops();
  expect(await Promise.all(ends)).toEqual(['end', 'end']);
});

test('who reads nothing is let go after a while; the others miss nothing', async () => {
  const guest = console_(50);
  const slow = await guest.rooms.enter('web1');
  const quick = await guest.rooms.enter('web1');
  const gone = new Promise<Error>((resolve) => slow.once('error', resolve));
  let bytes = 0;
  quick.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  for (let i = 0; i < 40; i++) guest.says('x'.repeat(65_536));
  expect((await gone).message).toMatch(/nothing of what/);
  await expect.poll(() => bytes).toBe(40 * 65_536);
});

test('who reads slowly misses nothing either', async () => {
  const guest = console_();
  const slow = await guest.rooms.enter('web1');
  for (let i = 0; i < 40; i++) guest.says('x'.repeat(65_536));
  guest.stops();
  let bytes = 0;
  for await (const chunk of slow as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    await sleep(1);
  }
  expect(bytes).toBe(40 * 65_536);
});

test('what cannot be opened is told, and tried anew by the next', async () => {
  let tries = 0;
  const rooms = createConsoleRooms(async () => {
    tries++;
    throw new Error('no such guest');
  }, clockOf(50));
  await expect(rooms.enter('web1')).rejects.toThrow('no such guest');
  await expect(rooms.enter('web1')).rejects.toThrow('no such guest');
  expect(tries).toBe(2);
});
