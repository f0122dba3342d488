/** Memory of the guest. https://libvirt.org/formatdomain.html#memory-allocation */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Memory extends Node<'memory'> {
  readonly sizeMiB: number;
}

export const memory = (props: Omit<Memory, 'kind'>): Memory => make('memory', props);

export const memoryToXml = (node: Memory): XmlElement =>
  element('memory', { unit: 'MiB' }, [String(node.sizeMiB)], node.origin);
