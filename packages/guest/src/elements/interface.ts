/** A network interface on a bridge. https://libvirt.org/formatdomain.html#bridge-to-lan */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export const nicModels = [
  'virtio',
  'e1000',
  'e1000e',
  'rtl8139',
  'ne2k_pci',
  'pcnet',
  'vmxnet3',
  'igb',
] as const;
export type NicModel = (typeof nicModels)[number];

export interface NicModelChoice extends Node<'nic-model'> {
  readonly model: NicModel;
}

/** `qemu`: the user-space back end; absent: vhost where the host has it. */
export interface NicDriver extends Node<'nic-driver'> {
  readonly name: 'qemu';
}

export interface Interface extends Node<'interface'> {
  readonly mac: string;
  readonly bridge: string;
  readonly mtu?: number;
  readonly model: NicModelChoice;
  readonly driver?: NicDriver;
}

export const networkInterface = (props: Omit<Interface, 'kind'>): Interface => make('interface', props);
export const nicModel = (props: Omit<NicModelChoice, 'kind'>): NicModelChoice => make('nic-model', props);
export const nicDriver = (props: Omit<NicDriver, 'kind'>): NicDriver => make('nic-driver', props);

export const interfaceToXml = (node: Interface): XmlElement =>
  element(
    'interface',
    { type: 'bridge' },
    [
      element('mac', { address: node.mac }),
      element('source', { bridge: node.bridge }),
      element('model', { type: node.model.model }, [], node.model.origin),
      node.driver && element('driver', { name: node.driver.name }, [], node.driver.origin),
      node.mtu === undefined ? undefined : element('mtu', { size: node.mtu }),
    ],
    node.origin,
  );
