/** Keys that came after the oracle’s Nova, and those that a cluster cannot give yet: what they come to offline. */
import { isGantryError } from '@gantry/model';
import { beforeAll, describe, expect, test } from 'vitest';
import { guestInput, hostContext } from '../../test/fixtures.ts';
import { loadDomainSchema } from '../../test/libvirt-schema.ts';
import { compileGuest, renderDomain } from '../compile.ts';
import { gantryProfile } from '../profiles.ts';

const offline = { ...gantryProfile, acceptLater: true };
const xmlOf = (extraSpecs: Record<string, string>, imageProperties: Record<string, string>, vcpus = 1) =>
  renderDomain(
    compileGuest(
      guestInput({ extraSpecs, imageProperties, vcpus, boot: { kernel: 'disk' } }),
      hostContext({ accelerator: 'kvm' }),
      offline,
    ),
  );
const q35 = { hw_machine_type: 'q35' };

describe('offline', () => {
  let validate: (xml: string) => void;
  beforeAll(() => {
    validate = loadDomainSchema();
  });

  test.each([
    [{ 'hw:virtio_packed_ring': 'true' }, {}, "discard='unmap' iothread='1' packed='on'/>"],
    [{ 'hw:virtio_packed_ring': 'true' }, {}, "<rng model='virtio'>"],
    [{}, { hw_vif_model: 'igb' }, "<model type='igb'/>"],
    [{ 'hw:maxphysaddr_mode': 'passthrough' }, {}, "<maxphysaddr mode='passthrough'/>"],
    [
      { 'hw:maxphysaddr_mode': 'emulate', 'hw:maxphysaddr_bits': '42' },
      {},
      "<maxphysaddr mode='emulate' bits='42'/>",
    ],
    [{}, { ...q35, hw_firmware_type: 'uefi' }, "<os firmware='efi'>"],
    [{}, { ...q35, hw_firmware_type: 'uefi', hw_firmware_stateless: 'yes' }, "<loader stateless='yes'/>"],
    [
      { 'os:secure_boot': 'required' },
      { ...q35, hw_firmware_type: 'uefi' },
      "<feature enabled='yes' name='secure-boot'/>",
    ],
    [{ 'os:secure_boot': 'required' }, { ...q35, hw_firmware_type: 'uefi' }, "<smm state='on'/>"],
    [{ 'hw:viommu_model': 'virtio' }, q35, "<iommu model='virtio'/>"],
    [{ 'hw:viommu_model': 'intel' }, q35, "aw_bits='48'"],
    [{ 'hw:viommu_model': 'auto' }, q35, "<ioapic driver='qemu'/>"],
    [{ 'hw:sound_model': 'ich9' }, {}, "<sound model='ich9'/>"],
    [
      { 'hw:sound_model': 'usb' },
      { hw_usb_model: 'qemu-xhci' },
      "<controller type='usb' index='0' model='qemu-xhci'/>",
    ],
    [{ 'hw:tpm_version': '2.0', 'hw:tpm_model': 'tpm-crb' }, {}, "<tpm model='tpm-crb'>"],
    [{ 'hw_video:ram_max_mb': '64' }, { hw_video_ram: '32' }, "vram='32768'"],
    [{}, { hw_input_bus: 'virtio' }, "<input type='keyboard' bus='virtio'/>"],
    [{ 'hw:boot_menu': 'yes' }, {}, "<bootmenu enable='yes'/>"],
    [{ 'quota:cpu_shares': '200' }, {}, '<shares>200</shares>'],
    [{ 'quota:disk_write_iops_sec': '1000' }, {}, '<write_iops_sec>1000</write_iops_sec>'],
    [
      { 'quota:vif_inbound_average': '1000', 'quota:vif_inbound_peak': '2000' },
      {},
      "<inbound average='1000' peak='2000'/>",
    ],
    [{ 'quota:vif_inbound_average': '0' }, {}, '<interface'],
  ])('%j %j', (specs, properties, part) => {
    const xml = xmlOf(
      specs as unknown as Record<string, string>,
      properties as unknown as Record<string, string>,
    );
    expect(xml).toContain(part);
    validate(xml);
  });

  test('USB ports for a SPICE client need one', () => {
    const ports = { 'hw:redirected_usb_ports': '2' };
    expect(() => xmlOf(ports, {})).toThrow('SPICE');
    const spice = { address: '127.0.0.1', agent: true };
    const input = guestInput({ extraSpecs: ports });
    const xml = renderDomain(compileGuest(input, hostContext({ node: { ...offline.node, spice } }), offline));
    expect(xml.match(/<redirdev bus='usb' type='spicevmc'\/>/g)).toHaveLength(2);
    validate(xml);
  });

  test('queues follow the vCPUs', () => {
    expect(xmlOf({ 'hw:vif_multiqueue_enabled': 'on' }, {}, 4)).toContain(
      "<driver name='vhost' queues='4'/>",
    );
    expect(xmlOf({ 'hw:vif_multiqueue_enabled': 'on' }, {}, 1)).not.toContain('queues');
  });

  test('no limit is no element', () => {
    expect(xmlOf({ 'quota:vif_inbound_average': '0' }, {})).not.toContain('bandwidth');
  });
});

test.each([
  [{ 'hw:virtio_packed_ring': 'on' }, { hw_virtio_packed_ring: 'off' }, 'FlavorImageConflict'],
  [{ 'hw:sound_model': 'ich9' }, { hw_sound_model: 'ac97' }, 'FlavorImageConflict'],
  [{ 'hw:usb_model': 'none' }, { hw_usb_model: 'nec-xhci' }, 'FlavorImageConflict'],
  [{ 'hw:redirected_usb_ports': '1' }, { hw_redirected_usb_ports: '2' }, 'FlavorImageConflict'],
  [{ 'hw:maxphysaddr_mode': 'emulate' }, { hw_maxphysaddr_mode: 'passthrough' }, 'FlavorImageConflict'],
  [{ 'hw:maxphysaddr_mode': 'emulate' }, {}, 'ValidationError'],
  [{ 'hw:maxphysaddr_bits': '42' }, {}, 'ValidationError'],
  [{ 'hw:tpm_model': 'tpm-tis' }, {}, 'ValidationError'],
  [{ 'hw:tpm_version': '1.2', 'hw:tpm_model': 'tpm-crb' }, {}, 'Invalid'],
  [
    { 'hw:pci_numa_affinity_policy': 'required' },
    { hw_pci_numa_affinity_policy: 'socket' },
    'ImagePCINUMAPolicyForbidden',
  ],
  [{ 'os:secure_boot': 'required' }, {}, 'ValidationError'],
  [{ 'os:secure_boot': 'required' }, { hw_firmware_type: 'uefi', hw_machine_type: 'pc' }, 'ValidationError'],
  [{}, { hw_firmware_stateless: 'true' }, 'ValidationError'],
  [{ 'hw:mem_encryption': 'true' }, {}, 'FlavorImageConflict'],
  [{ 'hw:mem_encryption_model': 'amd-sev-snp' }, {}, 'ValidationError'],
  [{ 'hw:viommu_model': 'intel' }, {}, 'InvalidVIOMMUMachineType'],
  [{ 'hw:viommu_model': 'smmuv3' }, q35, undefined],
  [{}, { hw_video_ram: '1' }, 'RequestedVRamTooHigh'],
])('refused: %j %j', (specs, properties, nova) => {
  try {
    xmlOf(specs as unknown as Record<string, string>, properties as unknown as Record<string, string>);
    expect.fail('accepted');
  } catch (error) {
    if (!isGantryError(error)) throw error;
    expect(error.params['nova']).toBe(nova);
  }
});
