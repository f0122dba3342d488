import { Inside, matches } from '@gantry/model';
import { expect, test } from 'vitest';
import { fileSystemsOf, interfacesOf } from './inside.ts';
import { screenLines } from './screen.ts';

test('addresses without the loopback, file systems in order', () => {
  const eth0 = { name: 'eth0', hwaddr: '52:54:00:00:00:01', addrs: [{ addr: '10.0.0.7', prefix: 24 }] };
  const lo = { name: 'lo', hwaddr: null, addrs: [{ addr: '127.0.0.1', prefix: 8 }] };
  expect(interfacesOf([lo, eth0])).toEqual([
    { name: 'eth0', mac: '52:54:00:00:00:01', addresses: ['10.0.0.7/24'] },
  ]);
  const fs = (mountpoint: string) => ({ mountpoint, name: 'vda1', fstype: 'ext4' });
  expect(fileSystemsOf([fs('/var'), fs('/')]).map(({ mountpoint }) => mountpoint)).toEqual(['/', '/var']);
});

test('an agent that lies in length and number is cut to what a status may be', () => {
  const long = `\u001b[2J\u0000${'x'.repeat(100_000)}`;
  const addrs = Array.from({ length: 5000 }, () => ({ addr: long, prefix: 4_294_967_295 }));
  const interfaces = interfacesOf(Array.from({ length: 500 }, () => ({ name: long, hwaddr: long, addrs })));
  const fileSystems = fileSystemsOf(
    Array.from({ length: 500 }, () => ({ mountpoint: long, name: long, fstype: long })),
  );
  expect(matches(Inside, { agent: 'answers', interfaces, fileSystems })).toBe(true);
  expect(JSON.stringify({ interfaces, fileSystems })).not.toContain('\\u00');
});

test('a screen in text mode', () => {
  const memory = new Uint8Array(4000);
  Buffer.from('No bootable device.', 'latin1').forEach((code, i) => {
    memory[(80 + i) * 2] = code;
    memory[(80 + i) * 2 + 1] = 7;
  });
  const lines = screenLines(memory);
  expect(lines).toHaveLength(25);
  expect(lines[1]).toBe('No bootable device.');
  expect(lines.filter((line) => line !== '')).toHaveLength(1);
});
