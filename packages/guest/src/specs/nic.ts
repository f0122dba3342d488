/** hw_vif_model to network interfaces. */
import type { GuestInput } from '@gantry/model';
import {
  type Interface,
  type NicModel,
  networkInterface,
  nicDriver,
  nicModel,
} from '../elements/interface.ts';
import type { HostContext } from '../host-context.ts';
import { builtin, decided, origin } from '../origin.ts';
import { because, type Settings, wordOf } from './settings.ts';

export function nicsFrom(settings: Settings, input: GuestInput, host: HostContext): Interface[] {
  const image = wordOf<NicModel>(settings, 'image', 'hw_vif_model');
  const model = image
    ? because(image, 'the image decides')
    : decided<NicModel>('virtio', builtin('hw_vif_model', 'the fastest NIC that every current system knows'));
  const userSpace =
    model.value === 'virtio' && host.accelerator === 'tcg'
      ? nicDriver({ name: 'qemu', origin: builtin('accelerator', 'vhost needs KVM') })
      : undefined;
  return input.nics.map(({ mac, bridge, mtu }, index) =>
    networkInterface({
      mac,
      bridge,
      ...(mtu === undefined ? {} : { mtu }),
      model: nicModel({ model: model.value, origin: model.origin }),
      ...(userSpace ? { driver: userSpace } : {}),
      origin: origin('instance', `nics[${index}]`, `NIC ${index} of the instance`),
    }),
  );
}
