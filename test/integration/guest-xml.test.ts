/** A real libvirtd judges what the compiler of guest hardware makes: it defines each, and gives it back as it was. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compileGuest,
  domainName,
  explainAdditions,
  parseDomain,
  parseXml,
  renderDomain,
} from '@gantry/guest';
import { connect, isUnsupported, type LibvirtClient } from '@gantry/libvirt';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cases } from '../../packages/guest/test/arbitrary.ts';
import { guestInput, hostContext } from '../../packages/guest/test/fixtures.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';

let dir: string;
let libvirtd: PrivateLibvirtd;
let lv: LibvirtClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gx-'));
  libvirtd = await startPrivateLibvirtd({ dir });
  lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
});

afterAll(async () => {
  await lv.close();
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

/** Defines it, reads it back and removes it again. */
async function defined(xml: string): Promise<string> {
  const dom = await lv.domainDefineXmlFlags({ xml });
  try {
    return await lv.domainGetXmlDesc({ dom });
  } finally {
    await lv.domainUndefineFlags({ dom });
  }
}

const image = (imageProperties: Record<string, string>) => guestInput({ imageProperties });

test.each([
  ['a Debian guest', guestInput()],
  ['firmware boot with a seed', guestInput({ boot: { kernel: 'disk' }, cloudInit: true })],
  ['q35', image({ hw_machine_type: 'q35', hw_watchdog_action: 'reset' })],
  ['SCSI', image({ hw_disk_bus: 'scsi' })],
  ['SATA and e1000e on q35', image({ hw_disk_bus: 'sata', hw_vif_model: 'e1000e', hw_machine_type: 'q35' })],
  ['IDE and rtl8139', image({ hw_disk_bus: 'ide', hw_vif_model: 'rtl8139' })],
  ['USB disks', image({ hw_disk_bus: 'usb' })],
  ['Windows', image({ os_type: 'windows', img_hide_hypervisor_id: 'true', hw_time_hpet: 'yes' })],
  ['no display, no agent', image({ hw_video_model: 'none', hw_qemu_guest_agent: 'no', hw_pmu: 'no' })],
  [
    'limited entropy, a topology',
    guestInput({
      vcpus: 8,
      extraSpecs: {
        'hw_rng:rate_bytes': '24',
        'hw_rng:rate_period': '5000',
        'hw:cpu_cores': '2',
        'hw:cpu_threads': '2',
      },
    }),
  ],
])('%s is defined and comes back as it was', async (_, input) => {
  const seedIso = input.cloudInit ? { seedIso: '/srv/seed.iso' } : {};
  const host = hostContext({ uuid: randomUUID(), ...seedIso });
  const guest = compileGuest(input, host);
  const back = await defined(renderDomain(guest));
  const facts = parseDomain(back);
  expect(facts).toMatchObject({
    uuid: host.uuid,
    name: domainName(input.name, host.uuid),
    memoryMiB: input.memoryMiB,
  });
  expect(facts.identity).toMatchObject({ cluster: host.cluster, instance: host.uuid, epoch: host.epoch });
  expect(facts.machineType).toMatch(/^pc-(i440fx|q35)-/);
  expect(facts.addresses.length).toBeGreaterThan(3);
  const added = explainAdditions(guest, parseXml(back)).map((entry) => entry.path);
  // On q35 the buses are ours, with ports that stay free for hot-plug.
  const libvirtLaysBuses = !facts.machineType?.startsWith('pc-q35');
  expect(added.includes('/domain/devices/controller[pci0]')).toBe(libvirtLaysBuses);
  expect(
    added.filter((path) => !/controller|input|console|audio|os.boot|serial.target.model/.test(path)),
  ).toEqual([]);
});

test('whatever the compiler accepts, libvirt defines, or says that its QEMU lacks a device', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ input, host }) => {
      // Without KVM libvirt refuses type=kvm at define time: the same hardware is judged under emulation.
      const xml = renderDomain(compileGuest(input, { ...host, accelerator: 'tcg', uuid: randomUUID() }));
      await defined(xml).catch((error: unknown) => {
        if (!isUnsupported(error)) throw error;
      });
    }),
    { numRuns: 60 },
  );
});
