/**
 * One guest to render offline, in Nova’s words: flavor, image, instance, NICs, volumes, configuration, facts of a host.
 * The shape is that of the cases in test/oracle/nova; fields that say nothing about hardware are ignored.
 */
import { optional, type Static, Type } from '@gantry/model';

const text = Type.String({ maxLength: 4096 });
const nullable = <T extends Parameters<typeof optional>[0]>(schema: T) =>
  optional(Type.Union([schema, Type.Null()]));
const count = Type.Integer({ minimum: 0, maximum: 2 ** 40 });
const words = Type.Record(Type.String(), Type.String());

export const CaseFlavor = Type.Object({
  name: optional(text),
  vcpus: Type.Integer({ minimum: 1, maximum: 4096 }),
  memory_mb: Type.Integer({ minimum: 1, maximum: 2 ** 40 }),
  root_gb: optional(count),
  ephemeral_gb: optional(count),
  swap: optional(count),
  extra_specs: optional(words),
});

export const CaseImage = Type.Object({
  id: optional(text),
  name: optional(text),
  disk_format: optional(text),
  size: optional(count),
  min_ram: optional(count),
  min_disk: optional(count),
  properties: optional(words),
});

const Rescue = Type.Object({
  kernel_id: nullable(text),
  ramdisk_id: nullable(text),
  image_id: nullable(text),
});

const CaseInstance = Type.Object({
  uuid: Type.String({ pattern: '^[0-9a-fA-F-]{36}$' }),
  name: Type.String({ minLength: 1, maxLength: 255 }),
  display_name: optional(text),
  kernel_id: nullable(text),
  ramdisk_id: nullable(text),
  config_drive: optional(Type.Boolean()),
  rescue: nullable(Rescue),
  pci_devices: optional(Type.Array(text, { maxItems: 64 })),
  system_metadata: optional(words),
});

const CaseNic = Type.Object({
  id: optional(text),
  mac: Type.String({ pattern: '^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$' }),
  type: text,
  bridge: nullable(text),
  devname: nullable(text),
  mtu: nullable(Type.Integer({ minimum: 1, maximum: 65535 })),
  ovs_interfaceid: nullable(text),
  details: optional(Type.Record(Type.String(), Type.Unknown())),
});
export type CaseNic = Static<typeof CaseNic>;

const CaseVolume = Type.Object({
  id: text,
  device_name: nullable(text),
  bus: nullable(text),
  device_type: nullable(text),
  boot_index: nullable(Type.Integer()),
  driver_volume_type: text,
  data: optional(Type.Record(Type.String(), Type.Unknown())),
  multiattach: optional(Type.Boolean()),
});
export type CaseVolume = Static<typeof CaseVolume>;

const section = optional(Type.Record(Type.String(), Type.Unknown()));
/** Nova’s configuration by section; options that are not there have Nova’s defaults. */
export const CaseConfig = Type.Object({
  DEFAULT: section,
  libvirt: section,
  vnc: section,
  spice: section,
  serial_console: section,
  compute: section,
  workarounds: section,
});
export type CaseConfig = Static<typeof CaseConfig>;

const Cpu = Type.Object({ id: count, siblings: Type.Array(count) });
const Cell = Type.Object({
  id: count,
  memory_kb: count,
  pages: Type.Array(Type.Object({ size_kb: count, total: count })),
  cpus: Type.Array(Cpu),
});
const Usage = Type.Object({
  id: count,
  cpu_usage: optional(count),
  memory_usage_mb: optional(count),
  pinned_cpus: optional(Type.Array(count)),
  pages_used: optional(Type.Array(Type.Object({ size_kb: count, used: count }))),
});

export const CaseHost = Type.Object({
  arch: text,
  libvirt_version: optional(text),
  uefi: optional(Type.Boolean()),
  secure_boot: optional(Type.Boolean()),
  sev: nullable(Type.Object({ cbitpos: count, reduced_phys_bits: count })),
  cpu_cgroup_controller: optional(Type.Boolean()),
  kernel_release: optional(text),
  direct_io: optional(Type.Boolean()),
  existing_paths: optional(Type.Array(text)),
  cpu_allocation_ratio: optional(Type.Number()),
  ram_allocation_ratio: optional(Type.Number()),
  numa_cells: optional(Type.Array(Cell, { maxItems: 64 })),
  usage: optional(Type.Array(Usage, { maxItems: 64 })),
  firmwares: optional(
    Type.Array(
      Type.Object({
        executable: text,
        nvram_template: optional(text),
        architecture: text,
        machines: Type.Array(text),
        features: Type.Array(text),
      }),
    ),
  ),
  uuid: optional(text),
  machine_types: optional(Type.Array(text)),
  machine_aliases: optional(words),
  cpu_model_features: optional(Type.Record(Type.String(), Type.Array(text))),
});
export type CaseHost = Static<typeof CaseHost>;

export const NovaCase = Type.Object({
  name: optional(text),
  flavor: CaseFlavor,
  image: CaseImage,
  instance: CaseInstance,
  nics: optional(Type.Array(CaseNic, { maxItems: 64 })),
  volumes: optional(Type.Array(CaseVolume, { maxItems: 256 })),
  config: optional(CaseConfig),
  host: CaseHost,
  validate_extra_specs: optional(Type.Boolean()),
});
export type NovaCase = Static<typeof NovaCase>;
