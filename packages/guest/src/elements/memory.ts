/** Memory of the guest. https://libvirt.org/formatdomain.html#memory-allocation */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Memory extends Node<'memory'> {
  /** That QEMU lays out. */
  readonly mostMiB: number;
  /** That the balloon leaves to the guest. */
  readonly sizeMiB: number;
}

export const memory = (props: Omit<Memory, 'kind'>): Memory => make('memory', props);

export const memoryToXml = ({ mostMiB, sizeMiB, origin }: Memory): XmlElement[] => [
  element('memory', { unit: 'MiB' }, [String(mostMiB)], origin),
  ...(sizeMiB < mostMiB ? [element('currentMemory', { unit: 'MiB' }, [String(sizeMiB)], origin)] : []),
];
