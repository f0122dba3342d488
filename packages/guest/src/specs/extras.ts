/** Sound cards, USB redirection, PCI devices of the host. */
import { type Hostdev, hostdev, parsePciAddress } from '../elements/hostdev.ts';
import { type Redirdev, redirdev } from '../elements/redirdev.ts';
import { type Sound, sound } from '../elements/sound.ts';
import { origin } from '../origin.ts';
import { refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { agreed, because } from './settings.ts';

export function soundFrom({ settings }: Wanted): Sound[] {
  const model = agreed<string>(settings, 'hw:sound_model', 'hw_sound_model');
  return model
    ? [sound({ model: model.value, origin: because(model, `the ${model.level} decides`).origin })]
    : [];
}

/** @throws GantryError `guest_refused` where there is no SPICE display, through which alone they work */
export function redirdevsFrom({ settings, node }: Wanted): Redirdev[] {
  const ports = agreed<number>(settings, 'hw:redirected_usb_ports', 'hw_redirected_usb_ports');
  if (!ports || ports.value === 0) return [];
  if (!node.spice) throw refused('hw:redirected_usb_ports needs a node with SPICE displays');
  const by = because(ports, 'a port for each device that a SPICE client may pass on').origin;
  return Array.from({ length: ports.value }, () => redirdev({ bus: 'usb', origin: by }));
}

export const hostdevsFrom = ({ pciDevices }: Wanted): Hostdev[] =>
  pciDevices.map((text) => {
    const address = parsePciAddress(text);
    if (!address)
      throw refused(`${JSON.stringify(text.slice(0, 40))} is not a PCI address such as 0000:81:00.0`);
    return hostdev({
      address,
      origin: origin('flavor', 'pci_passthrough:alias', 'a device of the host, given to this guest alone'),
    });
  });
