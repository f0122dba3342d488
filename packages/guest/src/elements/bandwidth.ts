/** Limits of a NIC's traffic. https://libvirt.org/formatdomain.html#quality-of-service */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

/** kB/s, kB/s, kB. */
export interface TrafficLimit {
  readonly average: number;
  readonly peak?: number;
  readonly burst?: number;
}

export interface Bandwidth extends Node<'bandwidth'> {
  readonly inbound?: TrafficLimit;
  readonly outbound?: TrafficLimit;
}

export const bandwidth = (props: Omit<Bandwidth, 'kind'>): Bandwidth => make('bandwidth', props);

export const bandwidthToXml = ({ inbound, outbound, origin }: Bandwidth): XmlElement =>
  element(
    'bandwidth',
    {},
    [inbound && element('inbound', { ...inbound }), outbound && element('outbound', { ...outbound })],
    origin,
  );
