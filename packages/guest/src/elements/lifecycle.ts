/** What libvirt does when the guest ends by itself. https://libvirt.org/formatdomain.html#events-configuration */
import { textElement, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Lifecycle extends Node<'lifecycle'> {
  readonly event: 'poweroff' | 'reboot' | 'crash';
  readonly action: 'destroy' | 'restart';
}

export const lifecycle = (props: Omit<Lifecycle, 'kind'>): Lifecycle => make('lifecycle', props);

export const lifecycleToXml = (node: Lifecycle): XmlElement =>
  textElement(`on_${node.event}`, node.action, node.origin);
