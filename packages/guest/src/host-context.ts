/** Plain facts of the node and paths on it, given by the agent: the compiler's third input. */
import type { Epoch, Fit } from '@gantry/model';
import type { CompiledFacts } from './node/facts.ts';
import type { NodeConfig } from './node-config.ts';
import type { Accelerator } from './profiles.ts';

export interface HostContext {
  /** Of the domain; the instance's id. */
  readonly uuid: string;
  /** What libvirt calls the domain, where it is there already; absent: `domainName`. */
  readonly domainName?: string;
  readonly cluster: string;
  readonly epoch: Epoch;
  /** As libvirt names it. */
  readonly architecture: string;
  readonly accelerator: Accelerator;
  /** Path of QEMU's binary. */
  readonly emulator: string;
  /** Those that QEMU has, aliases included; unknown: libvirt judges. */
  readonly machineTypes?: readonly string[];
  /** What was asked and what libvirt made of it at the guest's first definition; it holds from then on. */
  readonly hardware?: { readonly asked: string; readonly machineType: string; readonly loader?: string };
  /** Where the disks are, by disk id. */
  readonly disks: Readonly<Record<string, { readonly path: string; readonly format: 'qcow2' | 'raw' }>>;
  /** Where the contents of CDs are, by their digests. */
  readonly media?: Readonly<Record<string, string>>;
  /** The file system of the disks allows O_DIRECT. */
  readonly directIo: boolean;
  /** Of a direct kernel boot: the guest's own copies. */
  readonly kernel?: string;
  readonly initrd?: string;
  /** The whole kernel command line, as the OS provider wants it; without it (a preview) only root and console. */
  readonly commandLine?: string;
  /** NoCloud seed. */
  readonly seedIso?: string;
  /** What the node can; absent (a preview): all that others can. */
  readonly facts?: CompiledFacts;
  /** What placement decided about the node’s hardware for this guest. */
  readonly fit?: Omit<Fit, 'node'>;
  /** Where its UEFI variables are kept; absent: in libvirt’s own place. */
  readonly variables?: string;
  /** What the operator configured on nodes; absent: the profile’s. */
  readonly node?: NodeConfig;
  /** The operation of a start that boots from elsewhere than always: a reboot inside it ends its QEMU. */
  readonly bootOnce?: string;
  readonly consoleLog: string;
  readonly agentSocket: string;
  readonly vncSocket: string;
}
