/** Nova’s configuration as a node’s, and the checks that Nova makes when its agent starts. */
import { type CacheMode, cacheModes, type DiskSource } from '../elements/disk.ts';
import type { CpuMode, NodeConfig } from '../node-config.ts';
import { type CpuList, parseCpuList } from '../numa/cpu-list.ts';
import type { Profile } from '../profiles.ts';
import { nodeUnfit } from '../refusal.ts';
import type { CaseHost } from './case.ts';
import type { Options } from './options.ts';

/** What the configuration does not say is as in the profile. */
export function nodeConfigFrom(options: Options, profile: Profile): NodeConfig {
  const { machineTypes, balloonStatsPeriodS, entropyBackend, vnc: _, ...base } = profile.node;
  const period = options.number('libvirt', 'mem_stats_period_seconds') ?? balloonStatsPeriodS ?? 0;
  const rng = options.says('libvirt', 'rng_dev_path')
    ? options.text('libvirt', 'rng_dev_path')
    : entropyBackend;
  return {
    ...base,
    ...cpuConfig(options),
    ...displayConfig(options, profile.node),
    ...queueConfig(options),
    ...diskConfig(options),
    ...sharedConfig(options),
    machineTypes: { ...machineTypes, ...pairs(options.list('libvirt', 'hw_machine_type')) },
    pciePorts: options.number('libvirt', 'num_pcie_ports') ?? 0,
    ...(rng === undefined ? {} : { entropyBackend: rng }),
    ...(period > 0 ? { balloonStatsPeriodS: period } : {}),
    systemSerial: serials[options.text('libvirt', 'sysinfo_serial') ?? 'unique'] ?? 'host',
    virtioNics: options.boolean('libvirt', 'use_virtio_for_bridges', true),
    fileBackedMemory: (options.number('libvirt', 'file_backed_memory') ?? 0) > 0,
    realtimePriority: options.number('libvirt', 'realtime_scheduler_priority') ?? 1,
    packCells: options.boolean('compute', 'packing_host_numa_cells_allocation_strategy', false),
    apic: !options.boolean('workarounds', 'libvirt_disable_apic', false),
  };
}

/** `os`, `hardware` and `auto` are all of the host. */
const serials: Readonly<Record<string, NodeConfig['systemSerial']>> = { unique: 'guest', none: 'none' };

/** `x86_64=q35` */
const pairs = (list: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    list
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
      .filter(([arch, machine]) => arch && machine)
      .reverse(),
  );

const cpuModes: readonly string[] = ['host-model', 'host-passthrough', 'custom', 'none'];

function cpuConfig(options: Options) {
  const mode = options.text('libvirt', 'cpu_mode');
  if (mode !== undefined && !cpuModes.includes(mode))
    throw nodeUnfit(`[libvirt] cpu_mode=${mode} is none of ${cpuModes.join(', ')}`, 'Set one of them.');
  const cpuModels = options.list('libvirt', 'cpu_models');
  if ((mode === 'custom') !== cpuModels.length > 0)
    throw nodeUnfit(
      '[libvirt] cpu_models belongs to cpu_mode=custom, and that needs it',
      'Set both, or neither.',
    );
  const flags = options.list('libvirt', 'cpu_model_extra_flags').map((flag) => flag.toLowerCase());
  return { ...(mode ? { cpuMode: mode as CpuMode } : {}), cpuModels, cpuFlags: [...new Set(flags)] };
}

function displayConfig(
  options: Options,
  usual: NodeConfig,
): Pick<NodeConfig, 'vnc' | 'spice' | 'serialPorts' | 'tablet'> {
  const address = (section: 'vnc' | 'spice' | 'serial_console', name: string) =>
    options.text(section, name) ?? '127.0.0.1';
  return {
    tablet: options.says('DEFAULT', 'pointer_model')
      ? options.text('DEFAULT', 'pointer_model') === 'usbtablet'
      : usual.tablet,
    ...(options.boolean('vnc', 'enabled', usual.vnc !== undefined)
      ? { vnc: { address: address('vnc', 'server_listen') } }
      : {}),
    ...(options.boolean('spice', 'enabled', false)
      ? {
          spice: {
            address: address('spice', 'server_listen'),
            agent: options.boolean('spice', 'agent_enabled', true),
          },
        }
      : {}),
    ...(options.boolean('serial_console', 'enabled', false)
      ? { serialPorts: { address: address('serial_console', 'proxyclient_address') } }
      : {}),
  };
}

function queueConfig(options: Options) {
  const rxQueueSize = options.number('libvirt', 'rx_queue_size');
  const txQueueSize = options.number('libvirt', 'tx_queue_size');
  const mostQueues = options.number('libvirt', 'max_queues');
  return {
    ...(rxQueueSize ? { rxQueueSize } : {}),
    ...(txQueueSize ? { txQueueSize } : {}),
    ...(mostQueues ? { mostQueues } : {}),
  };
}

const sourceTypes: readonly string[] = ['file', 'block', 'network', 'mount'];

function diskConfig(options: Options) {
  const modes: { [K in DiskSource['type']]?: CacheMode } = {};
  for (const entry of options.list('libvirt', 'disk_cachemodes')) {
    const [type = '', mode = ''] = entry.split('=');
    if (!sourceTypes.includes(type) || !(cacheModes as readonly string[]).includes(mode))
      throw nodeUnfit(
        `[libvirt] disk_cachemodes has ${entry}, which is not a kind of disk with a cache mode`,
        `Use ${sourceTypes.join(', ')} with ${cacheModes.join(', ')}.`,
      );
    modes[type as DiskSource['type']] = mode as CacheMode;
  }
  const discard = options.text('libvirt', 'hw_disk_discard');
  const diskPrefix = options.text('libvirt', 'disk_prefix');
  const most = options.number('compute', 'max_disk_devices_to_attach') ?? -1;
  return {
    cacheModes: modes,
    ...(discard === 'unmap' || discard === 'ignore' ? ({ discard } as const) : {}),
    ...(diskPrefix ? { diskPrefix } : {}),
    ...(most >= 0 ? { mostDisks: most } : {}),
  };
}

function sharedConfig(options: Options): { sharedCpus?: CpuList } {
  const { shared, pinSet } = cpuSets(options);
  const cpus = pinSet ?? shared;
  return cpus ? { sharedCpus: cpus } : {};
}

export interface CpuSets {
  readonly shared?: CpuList;
  readonly dedicated?: CpuList;
  /** The older option that said both. */
  readonly pinSet?: CpuList;
}

/** @throws GantryError `host_unfit` when they contradict each other */
export function cpuSets(options: Options): CpuSets {
  const shared = setOf(options.text('compute', 'cpu_shared_set'), 'cpu_shared_set');
  const dedicated = setOf(options.text('compute', 'cpu_dedicated_set'), 'cpu_dedicated_set');
  const pinSet = setOf(options.text('DEFAULT', 'vcpu_pin_set'), 'vcpu_pin_set');
  const wrong = (why: string) =>
    nodeUnfit(why, 'Correct the configuration of the node.', 'InvalidConfiguration');
  if (pinSet && dedicated) throw wrong('vcpu_pin_set and cpu_dedicated_set exclude each other');
  if (!pinSet && shared?.some((cpu) => dedicated?.includes(cpu)))
    throw wrong('cpu_shared_set and cpu_dedicated_set have CPUs in common');
  return {
    ...(shared ? { shared } : {}),
    ...(dedicated ? { dedicated } : {}),
    ...(pinSet ? { pinSet } : {}),
  };
}

function setOf(text: string | undefined, name: string): CpuList | undefined {
  if (!text) return undefined;
  const cpus = parseCpuList(text);
  if (cpus.length === 0) throw nodeUnfit(`${name}=${text} leaves no CPU`, 'Name at least one.');
  return cpus;
}

/** Guests’ memory in files cannot be promised twice. */
export function checkFileBacked(node: NodeConfig, host: CaseHost): void {
  if (node.fileBackedMemory && (host.ram_allocation_ratio ?? 1) !== 1)
    throw nodeUnfit(
      'file_backed_memory needs a memory allocation ratio of 1',
      'Set ram_allocation_ratio=1.',
      'InternalError',
    );
}
