/** What a guest does and what it is told about its host. */
import { watchdogActions } from '../../elements/watchdog.ts';
import { boolean, built, effect, type Family, family, twin, twins, words } from '../key.ts';

export const behaviour: Family = family(
  'Behaviour',
  [
    twins(
      built,
      'watchdog_action',
      'image',
      words([...watchdogActions, 'disabled']),
      'disabled',
      'What happens when the guest stops feeding its i6300esb watchdog; `none` is a watchdog without consequence.',
      { ...effect('devices/watchdog@action'), nova: 'InvalidWatchdogAction' },
    ),
    twins(
      built,
      'pmu',
      'equal',
      boolean,
      'QEMU decides',
      'Virtual performance counters.',
      effect('features/pmu@state'),
    ),
  ],
  [
    built('hw:hide_hypervisor_id', boolean, 'false', 'Hide the hypervisor’s signature from CPUID.', {
      ...effect('features/kvm/hidden@state, features/hyperv/vendor_id'),
      ...twin('img_hide_hypervisor_id', 'either'),
    }),
    built(
      'hide_hypervisor_id',
      boolean,
      'false',
      'Older name of hw:hide_hypervisor_id; true in one suffices.',
      {
        ...effect('features/kvm/hidden@state, features/hyperv/vendor_id'),
        ...twin('img_hide_hypervisor_id', 'either'),
      },
    ),
  ],
  [
    built('img_hide_hypervisor_id', boolean, 'false', 'Hide the hypervisor’s signature from CPUID.', {
      ...effect('features/kvm/hidden@state, features/hyperv/vendor_id'),
      ...twin('hw:hide_hypervisor_id', 'either'),
    }),
    built(
      'hw_qemu_guest_agent',
      boolean,
      'true (in Nova: false)',
      'A channel for QEMU’s guest agent.',
      effect('devices/channel'),
    ),
    built(
      'hw_time_hpet',
      boolean,
      'false',
      'The guest has an HPET (x86 under KVM).',
      effect('clock/timer[hpet]@present'),
    ),
  ],
);
