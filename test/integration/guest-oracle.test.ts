/** A real libvirtd defines what the offline render makes of the oracle’s cases, as it did with Nova’s own XML. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerTo, caseFromFiles, gantryProfile, renderCase, renderDomain } from '@gantry/guest';
import { connect, type LibvirtClient, virDomainUndefineFlagsValues } from '@gantry/libvirt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { oracleCases, question } from '../../packages/guest/test/oracle.ts';
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

/** Without KVM libvirt defines emulated guests only: the same hardware is judged under emulation, as with Nova’s XML. */
const emulated = (xml: string): string => xml.replace("<domain type='kvm'>", "<domain type='qemu'>");

/** libvirt’s refusal, or undefined. */
async function refusal(xml: string): Promise<string | undefined> {
  try {
    const dom = await lv.domainDefineXmlFlags({ xml: emulated(xml) });
    await lv.domainUndefineFlags({ dom, flags: virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_NVRAM });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What this machine lacks, whoever asks: another architecture’s QEMU, SEV, and swtpm where it is not installed. */
const lacking = existsSync('/usr/bin/swtpm') ? /emulator|SEV/ : /emulator|SEV|TPM version/;

const cases = oracleCases('guest-config').filter((one) => one.expect.xml !== undefined);

test('every one is defined, or needs what this machine lacks', async () => {
  const refused: string[] = [];
  let defined = 0;
  for (const one of cases) {
    const answer = answerTo(question(one));
    if (!('xml' in answer)) continue;
    const why = await refusal(answer.xml);
    if (why === undefined) defined++;
    else if (!lacking.test(why)) refused.push(`${one.name}: ${why}`);
  }
  expect(refused).toEqual([]);
  // 335 have XML in the oracle; 7 of them are refused knowingly, 12 need SEV, a TPM or another architecture.
  expect(defined).toBeGreaterThanOrEqual(316);
});

/** OVMF is a package of its own. */
const noFirmware = existsSync('/usr/share/OVMF') ? /^$/ : /efi/;

const q35 = { hw_machine_type: 'q35' };
const offline = { ...gantryProfile, acceptLater: true };

test.each<[Record<string, string>, Record<string, string>]>([
  [{ 'hw:virtio_packed_ring': 'true' }, {}],
  [{ 'hw:maxphysaddr_mode': 'emulate', 'hw:maxphysaddr_bits': '42' }, {}],
  [{}, { ...q35, hw_firmware_type: 'uefi' }],
  [{}, { ...q35, hw_firmware_type: 'uefi', hw_firmware_stateless: 'yes' }],
  [{ 'os:secure_boot': 'required' }, { ...q35, hw_firmware_type: 'uefi' }],
  [{ 'hw:viommu_model': 'virtio' }, q35],
  [{ 'hw:viommu_model': 'intel' }, q35],
  [{ 'hw:sound_model': 'ich9' }, {}],
  [{ 'hw:sound_model': 'usb' }, { hw_usb_model: 'qemu-xhci' }],
  [{ 'hw_video:ram_max_mb': '64' }, { hw_video_ram: '32', hw_video_model: 'vga' }],
  [{}, { hw_input_bus: 'virtio' }],
  [{ 'quota:vif_inbound_average': '1000', 'quota:disk_total_bytes_sec': '1000000' }, {}],
])('newer and later keys are defined too: %j %j', async (extra_specs, properties) => {
  const files = { flavor: { vcpus: 2, memory_mb: 512, extra_specs }, image: { properties } };
  const config = { libvirt: { virt_type: 'qemu' } };
  const xml = renderDomain(renderCase(caseFromFiles({ ...files, config }), offline));
  const why = await refusal(xml);
  // Of what this machine may lack only the firmware is asked for here.
  if (why !== undefined) expect(why).toMatch(noFirmware);
});
