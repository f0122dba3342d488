/** A PCI device of the host, given to the guest. https://libvirt.org/formatdomain.html#host-device-assignment */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

/** Hexadecimal digits, as sysfs writes them. */
export interface PciAddress {
  readonly domain: string;
  readonly bus: string;
  readonly slot: string;
  readonly function: string;
}

export interface Hostdev extends Node<'hostdev'> {
  readonly address: PciAddress;
}

export const hostdev = (props: Omit<Hostdev, 'kind'>): Hostdev => make('hostdev', props);

/** `0000:81:00.0` in its parts, undefined when it is none. */
export function parsePciAddress(text: string): PciAddress | undefined {
  const parts = /^([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/.exec(text);
  return (
    (parts && {
      domain: parts[1] ?? '',
      bus: parts[2] ?? '',
      slot: parts[3] ?? '',
      function: parts[4] ?? '',
    }) ??
    undefined
  );
}

/** `managed`: libvirt takes the device from its host driver and gives it back. */
export const hostdevToXml = ({ address, origin }: Hostdev): XmlElement =>
  element(
    'hostdev',
    { mode: 'subsystem', type: 'pci', managed: 'yes' },
    [
      element('source', {}, [
        element('address', {
          domain: `0x${address.domain}`,
          bus: `0x${address.bus}`,
          slot: `0x${address.slot}`,
          function: `0x${address.function}`,
        }),
      ]),
    ],
    origin,
  );
