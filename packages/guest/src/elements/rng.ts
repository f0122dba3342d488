/** A virtio entropy source. https://libvirt.org/formatdomain.html#random-number-generator-device */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';
import { virtioDriver, type WithVirtio } from './virtio.ts';

export interface RngRate extends Node<'rng-rate'> {
  readonly bytes: number;
  readonly periodMs: number;
}

export interface Rng extends Node<'rng'>, WithVirtio {
  /** A character device of the host; absent: libvirt’s choice. */
  readonly backend?: string;
  readonly rate?: RngRate;
}

export const rng = (props: Omit<Rng, 'kind'>): Rng => make('rng', props);
export const rngRate = (props: Omit<RngRate, 'kind'>): RngRate => make('rng-rate', props);

export const rngToXml = (node: Rng): XmlElement =>
  element(
    'rng',
    { model: 'virtio' },
    [
      node.rate && rateToXml(node.rate),
      element('backend', { model: 'random' }, [node.backend]),
      virtioDriver(node),
    ],
    node.origin,
  );

const rateToXml = (node: RngRate): XmlElement =>
  element('rate', { bytes: node.bytes, period: node.periodMs }, [], node.origin);
