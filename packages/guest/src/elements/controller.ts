/** A bus controller. libvirt adds those that devices need; only what must differ from its choice is written. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';
import { virtioAttributes, type WithVirtio } from './virtio.ts';

export interface Controller extends Node<'controller'>, WithVirtio {
  readonly type: 'usb' | 'scsi' | 'pci' | 'virtio-serial';
  readonly index?: number;
  /** `none` switches a controller off that libvirt would add. */
  readonly model?: string;
  /** A thread of QEMU that serves it (virtio-scsi). */
  readonly ioThread?: number;
}

export const controller = (props: Omit<Controller, 'kind'>): Controller => make('controller', props);

export function controllerToXml(node: Controller): XmlElement {
  const driver = { iothread: node.ioThread, ...virtioAttributes(node) };
  const says = Object.values(driver).some((value) => value !== undefined);
  return element(
    'controller',
    { type: node.type, index: node.index, model: node.model },
    [says ? element('driver', driver) : undefined],
    node.origin,
  );
}
