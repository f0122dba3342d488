/** onPoweroff, onReboot, onCrash to libvirt's actions. What libvirt does not restart, the agent sees and judges. */
import { type Lifecycle, lifecycle } from '../elements/lifecycle.ts';
import { builtin, origin } from '../origin.ts';
import { fromPolicy } from './policy.ts';
import type { Settings } from './settings.ts';

/** @param once this start boots from elsewhere than always */
export function lifecycleFrom({ policy }: Settings, once = false): Lifecycle[] {
  const reboot = policy.onReboot.value === 'restart' && !once ? 'restart' : 'destroy';
  const rebootRule =
    reboot === 'restart'
      ? 'a reboot stays inside QEMU'
      : 'a reboot ends QEMU, and the agent leaves it stopped';
  return [
    lifecycle({
      event: 'poweroff',
      action: 'destroy',
      origin: builtin('onPoweroff', 'QEMU ends, and the agent does what the policy says'),
    }),
    lifecycle({
      event: 'reboot',
      action: reboot,
      origin: once ? afterOnce : fromPolicy('onReboot', policy.onReboot, rebootRule).origin,
    }),
    lifecycle({
      event: 'crash',
      action: 'destroy',
      origin: builtin(
        'onCrash',
        'QEMU ends, and the agent restarts it as the policy says, a limited number of times',
      ),
    }),
  ];
}

const afterOnce = origin(
  'instance',
  'bootOnce',
  'this start boots from elsewhere; its end ends QEMU, and the agent starts it again as always',
);
