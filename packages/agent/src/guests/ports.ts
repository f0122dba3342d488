/** What running guests needs from the rest of the agent. */
import type { NodeHardware } from '@gantry/model';
import type { Clock } from '../env.ts';
import type { SeenTap } from '../network/filter/listing.ts';
import type { SeenBase, SeenDisk } from '../observation.ts';
import type { BootFiles } from '../os/boot-kit/boot-files.ts';
import type { CopyFiles } from './copy.ts';

export interface GuestsOptions {
  /** `--state DIR`. */
  stateDir: string;
  /** libvirt's socket; without it libvirtd's and then virtqemud's usual path. */
  socket?: string;
  uri?: string;
  clock: Clock;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void;
  /** Names for messages, and whose domains are ours. Undefined until the node has joined. */
  membership(): { cluster: string; node: string } | undefined;
  /** What runs guests here: result of the self-test. */
  accelerator(): Promise<'kvm' | 'tcg'>;
  /** What the node can do for guests, as it was last found; undefined where it cannot be found out. */
  hardware(): Promise<NodeHardware | undefined>;
  /** Disks that are ready, with their paths. */
  disks(): Promise<SeenDisk[]>;
  /** Where QEMU writes copies of disks of that cluster; without it none are made. */
  copyFiles?(cluster: string): CopyFiles;
  /** Contents of images that are on the node. */
  bases(): Promise<SeenBase[]>;
  bootFiles: BootFiles;
  /** What the filters let not out, for the statistics. */
  taps(): Promise<SeenTap[]>;
}
