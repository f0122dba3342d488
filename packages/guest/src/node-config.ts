/** What an operator configures on nodes and guests notice: Nova’s [libvirt] section and its neighbours. */
import type { CacheMode, DiskSource } from './elements/disk.ts';
import type { CpuList } from './numa/cpu-list.ts';

export type CpuMode = 'host-model' | 'host-passthrough' | 'custom' | 'maximum' | 'none';

export interface NodeConfig {
  /** Absent: by accelerator and architecture. */
  readonly cpuMode?: CpuMode;
  /** For mode custom: the first that has all CPU traits that the flavor requires. */
  readonly cpuModels: readonly string[];
  /** `+flag` or `flag` requires, `-flag` disables. */
  readonly cpuFlags: readonly string[];
  /** Default machine type by architecture. */
  readonly machineTypes: Readonly<Record<string, string>>;
  /** Of machines with PCI Express; 0: libvirt’s default. */
  readonly pciePorts: number;
  readonly entropyBackend?: string;
  /** Seconds; none: no balloon. */
  readonly balloonStatsPeriodS?: number;
  /** What the guest sees as the machine’s serial number. */
  readonly systemSerial: 'guest' | 'host' | 'none';
  readonly cacheModes: { readonly [K in DiskSource['type']]?: CacheMode };
  readonly discard?: 'unmap' | 'ignore';
  /** Of device names, instead of the bus’s own. */
  readonly diskPrefix?: string;
  /** Most disks of a guest; absent: no limit. */
  readonly mostDisks?: number;
  readonly rxQueueSize?: number;
  readonly txQueueSize?: number;
  readonly mostQueues?: number;
  /** virtio is the default of NICs; else libvirt chooses. */
  readonly virtioNics: boolean;
  readonly fileBackedMemory: boolean;
  readonly realtimePriority: number;
  /** A tablet for guests that do not ask for a pointer. */
  readonly tablet: boolean;
  readonly vnc?: { readonly address: string };
  readonly spice?: { readonly address: string; readonly agent: boolean };
  readonly serialPorts?: { readonly address: string };
  /** CPUs for vCPUs without one of their own; absent: all. */
  readonly sharedCpus?: CpuList;
  /** Fill used NUMA cells first. */
  readonly packCells: boolean;
  readonly apic: boolean;
}
