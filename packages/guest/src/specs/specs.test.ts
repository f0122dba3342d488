import { isGantryError } from '@gantry/model';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guestInput, hostContext } from '../../test/fixtures.ts';
import { checkCombination } from '../check-combination.ts';
import { compileGuest, renderDomain } from '../compile.ts';
import { parseDomain } from '../libvirt/domain-facts.ts';
import { overheadMiB, requirements } from '../requirements.ts';
import { checkExtraSpecs, checkImageProperties } from './check.ts';
import { flavorKeys } from './flavor-keys.ts';
import { imageKeys } from './image-keys.ts';
import { lifePolicy, resolvePolicy } from './policy.ts';
import { findKey, readExtraSpecs, readImageProperties } from './read.ts';

const outcome = (attempt: () => unknown): string => {
  try {
    attempt();
    return 'ok';
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
};
const xmlOf = (changes: Parameters<typeof guestInput>[0], accelerator: 'kvm' | 'tcg' = 'kvm') =>
  renderDomain(compileGuest(guestInput(changes), hostContext({ accelerator })));

describe('extra specs', () => {
  test.each([
    [{ 'hw_rng:allowed': 'True' }, 'ok'],
    [{ 'hw_rng:allowed': 'maybe' }, 'invalid_property'],
    [{ 'hw_rng:allowed': ' true' }, 'invalid_property'],
    [{ 'hw_rng:rate_bytes': 'many', 'hw_rng:rate_period': '1' }, 'invalid_property'],
    [{ 'hw_rng:rate_bytes': '5' }, 'invalid_property'],
    [{ 'hw_rng:rate_bytes': '0' }, 'ok'],
    [{ 'hw_rng:rate_bytes': '5', 'hw_rng:rate_period': '1000' }, 'ok'],
    [{ 'hw_rng:rate_bytes': '-5', 'hw_rng:rate_period': '1000' }, 'invalid_property'],
    [{ 'hw_rng:rate_bytes': '4294967296', 'hw_rng:rate_period': '1000' }, 'invalid_property'],
    [{ 'hw_rng:rate_bytes': '1e3', 'hw_rng:rate_period': '1000' }, 'invalid_property'],
    [{ 'hw_rng:rate_bytes': '٥', 'hw_rng:rate_period': '1000' }, 'invalid_property'],
    [{ 'hw_rng:rate_byte': '5' }, 'unknown_property'],
    [{ 'hw:watchdog_action': 'reset' }, 'ok'],
    [{ 'hw:watchdog_action': 'Reset' }, 'invalid_property'],
    [{ 'hw:watchdog_action': 'rеset' }, 'invalid_property'], // a Cyrillic letter
    [{ 'hw:cpu_cores': '0' }, 'invalid_property'],
    [{ 'hw:cpu_cores': 'two' }, 'invalid_property'],
    [{ hide_hypervisor_id: 'true' }, 'ok'],
    [{ 'hw:numa_nodes': '2' }, 'ok'],
    [{ 'hw:numa_nodes': '0' }, 'invalid_property'],
    [{ 'hw:numa_cpus.0': '0-3' }, 'ok'],
    [{ 'hw:cpu_policy': 'dedicated' }, 'ok'],
    [{ 'hw:pmem': 'fast' }, 'property_not_supported'],
    [{ 'capabilities:cpu_info': 'x' }, 'property_not_supported'],
    [{ 'hw:cpu_policy': 'shared' }, 'ok'],
    [{ 'hw:cpu_policy': 'exclusive' }, 'invalid_property'],
    [{ 'resources1:CUSTOM_X': '1' }, 'ok'],
    [{ 'resources1:custom': '1' }, 'unknown_property'],
    [{ 'quota:disk_read_bytes_sec': '0' }, 'ok'],
    [{ 'quota:disk_read_bytes_sec': '1000' }, 'ok'],
    [{ 'quota:disk_read_bytes_sec': '1000', 'quota:disk_total_bytes_sec': '9' }, 'invalid_property'],
    [{ 'quota:vif_inbound_peak': '9' }, 'invalid_property'],
    [{ 'hw:vif_multiqueue_enabled': 'yes' }, 'ok'],
    [{ 'hw:tpm_version': '2.0' }, 'ok'],
    [{ 'mine:anything': 'x' }, 'ok'],
    [{ label: 'x' }, 'ok'],
    [{ __proto__: null, constructor: 'x' }, 'ok'],
  ])('%j: %s', (specs, expected) => {
    expect(outcome(() => checkExtraSpecs(specs as unknown as Record<string, string>))).toBe(expected);
  });

  test('a mistyped key gets the nearest one', () => {
    expect(() => checkExtraSpecs({ 'hw_rng:rate_byte': '5' })).toThrow('did you mean hw_rng:rate_bytes?');
    expect(() => checkImageProperties({ hw_watchdog_actoin: 'reset' })).toThrow(
      'did you mean hw_watchdog_action?',
    );
  });

  test('a hostile value is quoted and shortened', () => {
    expect(() => checkExtraSpecs({ 'hw:pmu': `\u001b[2J${'x'.repeat(1000)}` })).toThrow(
      /^hw:pmu="\\u001b.{1,80} is not valid/,
    );
  });
});

describe('image properties', () => {
  test.each([
    [{ hw_disk_bus: 'virtio' }, 'ok'],
    [{ hw_disk_bus: 'xen' }, 'invalid_property'],
    [{ hw_disk_bus: 'floppy' }, 'invalid_property'],
    [{ hw_disk_bus: 'ide', hw_machine_type: 'q35' }, 'invalid_property'],
    [{ hw_disk_bus: 'ide', hw_machine_type: 'pc' }, 'ok'],
    [{ hw_cdrom_bus: 'scsi' }, 'ok'],
    [{ hw_cdrom_bus: 'usb' }, 'ok'],
    [{ hw_cdrom_bus: 'virtio' }, 'invalid_property'],
    [{ hw_cdrom_bus: 'fdc' }, 'invalid_property'],
    [{ hw_cdrom_bus: 'ide', hw_machine_type: 'q35' }, 'invalid_property'],
    [{ hw_cdrom_bus: 'ide', hw_machine_type: 'pc' }, 'ok'],
    [{ hw_vif_model: 'VirtualE1000' }, 'ok'],
    [{ hw_vif_model: 'tulip' }, 'invalid_property'],
    [{ hw_vif_model: 'netfront' }, 'invalid_property'],
    [{ hw_vif_model: 'spapr-vlan' }, 'invalid_property'],
    [{ hw_vif_model: 'constructor' }, 'invalid_property'],
    [{ hw_video_model: 'gop' }, 'invalid_property'],
    [{ hw_qemu_guest_agent: 'garbage' }, 'invalid_property'],
    [{ hw_rng_model: 'virtio' }, 'ok'],
    [{ hw_rng_model: 'egd' }, 'invalid_property'],
    [{ os_type: 'Linux' }, 'ok'],
    [{ os_type: 'plan9' }, 'invalid_property'],
    [{ architecture: 'amd64' }, 'ok'],
    [{ hw_machine_type: "pc' evil='1" }, 'invalid_property'],
    [{ hw_flux_capacitor: 'on' }, 'unknown_property'],
    [{ my_own_property: 'x' }, 'ok'],
    [{ hw_firmware_type: 'uefi' }, 'ok'],
    [{ hw_firmware_type: 'bios' }, 'ok'],
    [{ os_distro: 'debian', os_version: '12' }, 'ok'],
    [{ 'trait:HW_CPU_X86_AVX2': 'required' }, 'ok'],
    [{ hw_emulation_architecture: 'aarch64' }, 'property_not_supported'],
  ])('%j: %s', (properties, expected) => {
    expect(outcome(() => checkImageProperties(properties as unknown as Record<string, string>))).toBe(
      expected,
    );
  });

  test('an older name is read, the key itself wins', () => {
    const read = (pairs: Record<string, string>) => readImageProperties(pairs).get('hw_architecture');
    expect(read({ architecture: 'amd64' })).toEqual({ value: 'x86_64', source: 'architecture' });
    expect(read({ architecture: 'arm64', hw_architecture: 'x86_64' })?.source).toBe('hw_architecture');
    expect(read({ hw_architecture: 'x86_64', architecture: 'arm64' })?.value).toBe('x86_64');
  });
});

describe('flavor and image together', () => {
  const check = (extraSpecs: Record<string, string>, imageProperties: Record<string, string>, vcpus = 2) =>
    outcome(() => checkCombination({ vcpus, extraSpecs, imageProperties, policies: [] }));

  test.each([
    [{ 'hw:pmu': 'true' }, { hw_pmu: 'false' }, 'property_conflict'],
    [{ 'hw:usb_model': 'none' }, { os_type: 'windows' }, 'settings_refused'],
    [{ 'hw_video:ram_max_mb': '16' }, { hw_video_ram: '32' }, 'invalid_property'],
    [{}, { hw_scsi_model: 'buslogic' }, 'settings_refused'],
    [{}, { hw_architecture: 's390x' }, 'ok'],
    [{}, { hw_architecture: 'sparc' }, 'settings_refused'],
    [{ 'hw:pmu': 'yes' }, { hw_pmu: 'true' }, 'ok'],
    [{ 'hw:cpu_max_sockets': '2' }, { hw_cpu_max_sockets: '4' }, 'invalid_property'],
    [{ 'hw:cpu_max_sockets': '2' }, { hw_cpu_sockets: '4' }, 'invalid_property'],
    [
      { 'hw:cpu_max_sockets': '1', 'hw:cpu_max_cores': '1', 'hw:cpu_max_threads': '1' },
      {},
      'invalid_property',
    ],
    [{ 'hw:cpu_sockets': '3' }, {}, 'ok'],
  ])('%j %j: %s', (flavor, image, expected) => {
    expect(
      check(flavor as unknown as Record<string, string>, image as unknown as Record<string, string>),
    ).toBe(expected);
  });

  test('a reboot that stops beside a poweroff that restarts, whichever level says it', () => {
    const levels = [
      { level: 'cluster' as const, from: 'c', policy: { onPoweroff: 'restart' as const } },
      { level: 'instance' as const, from: 'i', policy: { onReboot: 'stop' as const } },
    ];
    const base = { vcpus: 1, extraSpecs: {}, imageProperties: {} };
    expect(() => checkCombination({ ...base, policies: levels })).toThrow(
      /onReboot=stop is not valid: .*onPoweroff=restart \(set by cluster c\).*set onPoweroff=stop or onReboot=restart/,
    );
    for (const policy of levels) checkCombination({ ...base, policies: [policy] });
    const both = { level: 'instance' as const, from: 'i', policy: { onPoweroff: 'stop' as const } };
    checkCombination({ ...base, policies: [...levels, both] });
  });

  test('custom CPU without model, flags without CPU, IDE on a q35 of the group', () => {
    const policies = (policy: object) => [{ level: 'group' as const, from: 'g', policy }];
    const base = { vcpus: 1, extraSpecs: {}, imageProperties: {} };
    expect(outcome(() => checkCombination({ ...base, policies: policies({ cpuMode: 'custom' }) }))).toBe(
      'invalid_property',
    );
    expect(
      outcome(() =>
        checkCombination({ ...base, policies: policies({ cpuMode: 'none', cpuFlags: ['+aes'] }) }),
      ),
    ).toBe('invalid_property');
    expect(
      outcome(() => checkCombination({ ...base, policies: policies({ cpuMode: 'none', cpuEnforce: true }) })),
    ).toBe('invalid_property');
    expect(
      outcome(() =>
        checkCombination({
          ...base,
          imageProperties: { hw_disk_bus: 'ide' },
          policies: policies({ machineType: 'q35' }),
        }),
      ),
    ).toBe('invalid_property');
  });
});

describe('topology', () => {
  test.each([
    [8, {}, {}, [8, 1, 1]],
    [8, { 'hw:cpu_cores': '4' }, {}, [2, 4, 1]],
    [12, { 'hw:cpu_cores': '6', 'hw:cpu_threads': '2' }, {}, [1, 6, 2]],
    [8, { 'hw:cpu_sockets': '8' }, { hw_cpu_sockets: '2', hw_cpu_cores: '4' }, [2, 4, 1]],
    [
      8,
      { 'hw:cpu_sockets': '2', 'hw:cpu_cores': '2', 'hw:cpu_threads': '2' },
      { hw_cpu_sockets: '4' },
      [4, 2, 1],
    ],
    [7, { 'hw:cpu_cores': '2' }, {}, [7, 1, 1]],
    [8, { 'hw:cpu_max_sockets': '8', 'hw:cpu_sockets': '8' }, { hw_cpu_max_sockets: '2' }, [2, 4, 1]],
    [8, {}, { hw_cpu_max_sockets: '1', hw_cpu_max_cores: '1' }, [1, 1, 8]],
  ])('%i vCPUs, %j, %j', (vcpus, extraSpecs, imageProperties, [sockets, cores, threads]) => {
    const xml = xmlOf({
      vcpus,
      extraSpecs: extraSpecs as unknown as Record<string, string>,
      imageProperties: imageProperties as unknown as Record<string, string>,
    });
    expect(xml).toContain(`<topology sockets='${sockets}' cores='${cores}' threads='${threads}'/>`);
  });
});

describe('what settings do to the hardware', () => {
  test.each([
    ['a source of entropy by default', {}, "<backend model='random'>/dev/urandom</backend>", true],
    ['none where the flavor forbids it', { extraSpecs: { 'hw_rng:allowed': 'no' } }, '<rng', false],
    [
      'no limit without bytes',
      { extraSpecs: { 'hw_rng:rate_bytes': '0', 'hw_rng:rate_period': '5' } },
      '<rate',
      false,
    ],
    [
      'watchdog none is a device',
      { extraSpecs: { 'hw:watchdog_action': 'none' } },
      "<watchdog model='i6300esb' action='none'/>",
      true,
    ],
    [
      'watchdog disabled is no device',
      { extraSpecs: { 'hw:watchdog_action': 'disabled' } },
      '<watchdog',
      false,
    ],
    [
      'the image disables the watchdog',
      { extraSpecs: { 'hw:watchdog_action': 'reset' }, imageProperties: { hw_watchdog_action: 'disabled' } },
      '<watchdog',
      false,
    ],
    [
      'hidden by the old spelling',
      { extraSpecs: { hide_hypervisor_id: 'true' } },
      "<hidden state='on'/>",
      true,
    ],
    [
      'false never wins',
      {
        extraSpecs: { 'hw:hide_hypervisor_id': 'false' },
        imageProperties: { img_hide_hypervisor_id: 'true' },
      },
      "<hidden state='on'/>",
      true,
    ],
    ['PMU off', { imageProperties: { hw_pmu: 'no' } }, "<pmu state='off'/>", true],
    ['PMU left to QEMU', {}, '<pmu', false],
    [
      'HPET asked for',
      { imageProperties: { hw_time_hpet: 'yes' } },
      "<timer name='hpet' present='yes'/>",
      true,
    ],
    [
      'QEMU’s own CPU',
      { policies: [{ level: 'cluster' as const, from: 'c', policy: { cpuMode: 'none' as const } }] },
      "<cpu match='exact'>",
      true,
    ],
    [
      'reboot ends the guest',
      { policies: [{ level: 'instance' as const, from: 'i', policy: { onReboot: 'stop' as const } }] },
      '<on_reboot>destroy</on_reboot>',
      true,
    ],
    [
      'an absolute pointer for Windows',
      { imageProperties: { os_type: 'windows' } },
      "<input type='tablet' bus='usb'/>",
      true,
    ],
    [
      'USB disks keep the controller',
      { imageProperties: { hw_disk_bus: 'usb' } },
      "type='usb' index='0' model='none'",
      false,
    ],
  ])('%s', (_, changes, words, there) => {
    expect(xmlOf(changes).includes(words)).toBe(there);
  });

  test('under TCG no policy for KVM’s PIT and no vhost', () => {
    const xml = xmlOf({}, 'tcg');
    expect(xml).not.toContain("name='pit'");
    expect(xml).toContain("<driver name='qemu'/>");
    expect(xmlOf({}, 'kvm')).toContain("<timer name='pit' tickpolicy='delay'/>");
  });

  test('machine type: instance over image over group over cluster', () => {
    const policies = (levels: ('cluster' | 'group' | 'instance')[]) =>
      levels.map((level) => ({ level, from: level, policy: { machineType: `pc-${level}` } }));
    const machine = (levels: Parameters<typeof policies>[0], imageProperties: Record<string, string> = {}) =>
      parseDomain(xmlOf({ policies: policies(levels), imageProperties })).machineType;
    expect(machine([])).toBe('pc');
    expect(machine(['cluster'])).toBe('pc-cluster');
    expect(machine(['group', 'cluster'])).toBe('pc-group');
    expect(machine(['cluster', 'group'], { hw_machine_type: 'q35' })).toBe('q35');
    expect(machine(['instance', 'group'], { hw_machine_type: 'q35' })).toBe('pc-instance');
  });
});

describe('policies', () => {
  test('the nearest level wins, key by key, and is remembered', () => {
    const effective = resolvePolicy([
      { level: 'instance', from: 'hello', policy: { onCrash: 'stop' } },
      { level: 'cluster', from: 'default', policy: { onCrash: 'restart', stopTimeoutMs: 5 } },
      { level: 'group', from: 'rack1', policy: { stopTimeoutMs: 7 } },
    ]);
    expect(effective.onCrash).toEqual({ value: 'stop', level: 'instance', from: 'hello' });
    expect(effective.stopTimeoutMs).toEqual({ value: 7, level: 'group', from: 'rack1' });
    expect(effective.onReboot).toEqual({ value: 'restart', level: 'builtin', from: 'Gantry' });
    expect(effective.machineType).toBeUndefined();
  });

  test('built-in life cycle', () => {
    expect(lifePolicy([])).toEqual({
      onPoweroff: 'stop',
      onReboot: 'restart',
      onCrash: 'restart',
      startOnBoot: true,
      stopTimeoutMs: 60_000,
    });
  });
});

test('requirements', () => {
  expect(
    requirements(guestInput({ imageProperties: { hw_machine_type: 'q35', architecture: 'amd64' } })),
  ).toEqual({
    vcpus: 1,
    memoryMiB: 512 + overheadMiB(512, 1),
    diskMiB: { file: 1024 },
    architecture: 'x86_64',
    machineType: 'q35',
    networks: [],
  });
});

describe('the tables of keys', () => {
  test('name no key twice and document each', () => {
    for (const keys of [flavorKeys, imageKeys]) {
      const names = keys.flatMap((k) => [k.key, ...(k.aliases ?? [])]);
      expect(new Set(names).size).toBe(names.length);
      for (const key of keys) expect(key.doc).toMatch(/\.$/);
    }
    expect(findKey('hw_rng:rate_period')?.unit).toBe('ms');
    expect(findKey('nothing')).toBeUndefined();
  });

  test('no value reaches anything but through its type', () => {
    const keys = fc.constantFrom(...flavorKeys.map((k) => k.key), ...imageKeys.map((k) => k.key));
    fc.assert(
      fc.property(keys, fc.string({ unit: 'binary' }), (key, value) => {
        for (const read of [readExtraSpecs, readImageProperties]) {
          const result = outcome(() => read({ [key]: value }));
          expect(['ok', 'invalid_property', 'unknown_property', 'property_not_supported']).toContain(result);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
