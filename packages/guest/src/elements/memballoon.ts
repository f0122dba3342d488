/** The memory balloon, which also reports the guest's own memory statistics. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Memballoon extends Node<'memballoon'> {
  readonly statsPeriodS: number;
}

export const memballoon = (props: Omit<Memballoon, 'kind'>): Memballoon => make('memballoon', props);

export const memballoonToXml = (node: Memballoon): XmlElement =>
  element('memballoon', { model: 'virtio' }, [element('stats', { period: node.statsPeriodS })], node.origin);
