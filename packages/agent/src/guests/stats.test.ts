import { expect, test } from 'vitest';
import { ids } from '../testing/assignments.ts';
import { guestStats } from './stats.ts';

const at = '2026-01-01T00:00:00.000Z';
const storage = '/state/agent/storage/cluster/disks';

test('libvirt’s numbers, in our units', () => {
  const stats = guestStats(
    ids.instance,
    {
      'cpu.time': 6_520_865_035n,
      'cpu.user': 5_530_000_000n,
      'cpu.system': 980_000_000n,
      'balloon.current': 524_288n,
      'balloon.maximum': 524_288n,
      'balloon.rss': 354_652n,
      'balloon.usable': 400_000n,
      'vcpu.current': 1,
      'net.count': 1,
      'net.0.name': 'vnet1',
      'net.0.rx.bytes': 28_920n,
      'net.0.rx.pkts': 316n,
      'net.0.tx.drop': 2n,
      'block.count': 2,
      'block.0.name': 'vda',
      'block.0.path': `${storage}/${ids.disk}.ready.qcow2`,
      'block.0.rd.reqs': 589n,
      'block.0.rd.bytes': 24_129_024n,
      'block.0.rd.times': 1_667_761_851n,
      'block.0.capacity': 2_147_483_648n,
      'block.1.name': 'vdz',
      'block.1.path': '/state/agent/guests/x/seed.iso',
    },
    at,
  );
  expect(stats).toEqual({
    instance: ids.instance,
    at,
    cpu: { timeMs: 6520, userMs: 5530, systemMs: 980, vcpus: 1 },
    memory: {
      currentBytes: 2 ** 29,
      maximumBytes: 2 ** 29,
      residentBytes: 354_652 * 1024,
      usableBytes: 400_000 * 1024,
    },
    disks: [
      expect.objectContaining({
        device: 'vda',
        disk: ids.disk,
        reads: 589,
        readBytes: 24_129_024,
        readMs: 1667,
        writes: 0,
        capacityBytes: 2 ** 31,
      }),
    ],
    nics: [
      expect.objectContaining({
        index: 0,
        device: 'vnet1',
        receivedBytes: 28_920,
        receivedPackets: 316,
        sendDrops: 2,
        receiveDrops: 0,
      }),
    ],
  });
});

test('a domain that tells next to nothing, or numbers beyond reason', () => {
  expect(guestStats(ids.instance, {}, at)).toMatchObject({
    cpu: { timeMs: 0, vcpus: 0 },
    disks: [],
    nics: [],
  });
  const odd = guestStats(
    ids.instance,
    { 'balloon.current': 2n ** 64n - 1n, 'net.count': 4_000_000_000, 'vcpu.current': -1 },
    at,
  );
  expect(odd.memory.currentBytes).toBe(Number.MAX_SAFE_INTEGER);
  expect(odd.cpu.vcpus).toBe(0);
  expect(odd.nics).toHaveLength(64);
});
