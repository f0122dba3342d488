/** A network interface. https://libvirt.org/formatdomain.html#network-interfaces */

import type { Origin } from '../origin.ts';
import { element, type XmlElement } from '../xml/element.ts';
import { type Bandwidth, bandwidthToXml } from './bandwidth.ts';
import { bootElement } from './disk.ts';
import { make, type Node } from './node.ts';
import { virtioAttributes, type WithVirtio } from './virtio.ts';

export const nicModels = [
  'virtio',
  'e1000',
  'e1000e',
  'rtl8139',
  'ne2k_pci',
  'pcnet',
  'vmxnet3',
  'igb',
  'spapr-vlan',
  'lan9118',
] as const;
export type NicModel = (typeof nicModels)[number];

/** How the NIC is connected to the host. */
export type NicSource =
  | { readonly type: 'bridge'; readonly bridge: string; readonly openVswitchPort?: string }
  | { readonly type: 'ethernet' }
  | { readonly type: 'direct'; readonly device: string; readonly mode: string }
  | { readonly type: 'vhostuser'; readonly socket: string; readonly mode: string };

export interface NicModelChoice extends Node<'nic-model'> {
  readonly model: NicModel;
}

/** `qemu`: the user-space back end; absent: vhost where the host has it. */
export interface NicDriver extends Node<'nic-driver'>, WithVirtio {
  readonly name?: 'qemu' | 'vhost';
  readonly queues?: number;
  readonly rxQueueSize?: number;
  readonly txQueueSize?: number;
}

export interface Interface extends Node<'interface'> {
  readonly mac: string;
  readonly source: NicSource;
  /** Name of the host's end. */
  readonly target?: string;
  readonly mtu?: number;
  /** Absent: libvirt’s choice. */
  readonly model?: NicModelChoice;
  readonly driver?: NicDriver;
  readonly bandwidth?: Bandwidth;
  /** Its cable is out. */
  readonly down?: boolean;
  readonly bootOrder?: number;
  readonly bootOrigin?: Origin;
}

export const networkInterface = (props: Omit<Interface, 'kind'>): Interface => make('interface', props);
export const nicModel = (props: Omit<NicModelChoice, 'kind'>): NicModelChoice => make('nic-model', props);
export const nicDriver = (props: Omit<NicDriver, 'kind'>): NicDriver => make('nic-driver', props);

export const interfaceToXml = (node: Interface): XmlElement =>
  element(
    'interface',
    { type: node.source.type },
    [
      element('mac', { address: node.mac }),
      sourceToXml(node.source),
      virtualPort(node.source),
      node.target === undefined ? undefined : element('target', { dev: node.target }),
      node.model && element('model', { type: node.model.model }, [], node.model.origin),
      node.driver && driverToXml(node.driver),
      node.bandwidth && bandwidthToXml(node.bandwidth),
      node.down ? element('link', { state: 'down' }) : undefined,
      node.mtu === undefined ? undefined : element('mtu', { size: node.mtu }),
      bootElement(node.bootOrder, node.bootOrigin),
    ],
    node.origin,
  );

function sourceToXml(source: NicSource): XmlElement | undefined {
  switch (source.type) {
    case 'bridge':
      return element('source', { bridge: source.bridge });
    case 'ethernet':
      return undefined;
    case 'direct':
      return element('source', { dev: source.device, mode: source.mode });
    case 'vhostuser':
      return element('source', { type: 'unix', mode: source.mode, path: source.socket });
  }
}

const virtualPort = (source: NicSource): XmlElement | undefined =>
  source.type === 'bridge' && source.openVswitchPort !== undefined
    ? element('virtualport', { type: 'openvswitch' }, [
        element('parameters', { interfaceid: source.openVswitchPort }),
      ])
    : undefined;

const driverToXml = (node: NicDriver): XmlElement =>
  element(
    'driver',
    {
      name: node.name,
      queues: node.queues,
      rx_queue_size: node.rxQueueSize,
      tx_queue_size: node.txQueueSize,
      ...virtioAttributes(node),
    },
    [],
    node.origin,
  );
