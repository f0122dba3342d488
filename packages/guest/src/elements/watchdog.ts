/** A hardware watchdog for the guest. https://libvirt.org/formatdomain.html#watchdog-devices */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export const watchdogActions = ['none', 'pause', 'poweroff', 'reset'] as const;
export type WatchdogAction = (typeof watchdogActions)[number];

export interface Watchdog extends Node<'watchdog'> {
  readonly action: WatchdogAction;
}

export const watchdog = (props: Omit<Watchdog, 'kind'>): Watchdog => make('watchdog', props);

export const watchdogToXml = (node: Watchdog): XmlElement =>
  element('watchdog', { model: 'i6300esb', action: node.action }, [], node.origin);
