/** The memory balloon, which also reports the guest's own memory statistics. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';
import { virtioDriver, type WithVirtio } from './virtio.ts';

export interface Memballoon extends Node<'memballoon'>, WithVirtio {
  readonly statsPeriodS: number;
}

export const memballoon = (props: Omit<Memballoon, 'kind'>): Memballoon => make('memballoon', props);

export const memballoonToXml = (node: Memballoon): XmlElement =>
  element(
    'memballoon',
    { model: 'virtio' },
    [element('stats', { period: node.statsPeriodS }), virtioDriver(node)],
    node.origin,
  );
