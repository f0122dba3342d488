/**
 * What a guest gets where no setting says anything, and how strictly settings are read: one table, no branch in code.
 */

import type { TimerName } from './elements/clock.ts';
import type { CacheMode } from './elements/disk.ts';
import type { VideoModel } from './elements/video.ts';

export type Accelerator = 'kvm' | 'tcg';

export interface TimerDefault {
  readonly name: TimerName;
  readonly present?: boolean;
  readonly tickPolicy?: 'delay' | 'catchup';
  readonly why: string;
}

export interface Profile {
  readonly name: string;
  /** Refuse image booleans other than Nova’s words for yes and no; else any other text means no. */
  readonly strictImageBooleans: boolean;
  /** Refuse unknown image properties with Nova’s prefixes; else they are ignored. */
  readonly strictImageKeys: boolean;
  /** Machine type by architecture. */
  readonly machineTypes: Readonly<Record<string, string>>;
  readonly cpuMode: Readonly<Record<Accelerator, 'host-model' | 'maximum'>>;
  /** Timers of x86 guests. */
  readonly timers: Readonly<Record<Accelerator, readonly TimerDefault[]>>;
  readonly entropyBackend: string;
  readonly guestAgent: boolean;
  readonly diskSerial: boolean;
  readonly discard: 'unmap' | 'ignore' | undefined;
  /** Where the file system allows O_DIRECT, and where it does not. */
  readonly cache: { readonly direct: CacheMode; readonly buffered: CacheMode };
  readonly video: VideoModel;
  readonly balloonStatsPeriodS: number;
  readonly panicDevice: boolean;
  /** Leave out the USB controller that libvirt would add where nothing needs one. */
  readonly usbOnlyWhereNeeded: boolean;
  readonly scsiController: string;
}

const noHpet = 'an HPET costs a host timer per tick and guests have better clocks';
const catchUp = 'missed ticks of the RTC are delivered late rather than lost, for guests that count them';

export const gantryProfile: Profile = {
  name: 'gantry',
  strictImageBooleans: true,
  strictImageKeys: true,
  machineTypes: { x86_64: 'pc', aarch64: 'virt' },
  cpuMode: { kvm: 'host-model', tcg: 'maximum' },
  timers: {
    kvm: [
      {
        name: 'pit',
        tickPolicy: 'delay',
        why: 'missed ticks of the PIT are delivered at the normal rate, late',
      },
      { name: 'rtc', tickPolicy: 'catchup', why: catchUp },
      { name: 'hpet', present: false, why: noHpet },
    ],
    // The tick policy of the PIT belongs to KVM's own PIT; under TCG QEMU emulates another one, without policies.
    tcg: [
      { name: 'rtc', tickPolicy: 'catchup', why: catchUp },
      { name: 'hpet', present: false, why: noHpet },
    ],
  },
  entropyBackend: '/dev/urandom',
  guestAgent: true,
  diskSerial: true,
  discard: 'unmap',
  cache: { direct: 'none', buffered: 'writeback' },
  video: 'virtio',
  balloonStatsPeriodS: 10,
  panicDevice: true,
  usbOnlyWhereNeeded: true,
  scsiController: 'virtio-scsi',
};
