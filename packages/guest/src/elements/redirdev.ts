/** A USB port for a device of a SPICE client. https://libvirt.org/formatdomain.html#redirected-devices */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Redirdev extends Node<'redirdev'> {
  readonly bus: 'usb';
}

export const redirdev = (props: Omit<Redirdev, 'kind'>): Redirdev => make('redirdev', props);

export const redirdevToXml = ({ bus, origin }: Redirdev): XmlElement =>
  element('redirdev', { bus, type: 'spicevmc' }, [], origin);
