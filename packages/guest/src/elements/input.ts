/** A pointer or keyboard besides the machine's own. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Input extends Node<'input'> {
  readonly type: 'tablet' | 'keyboard';
  readonly bus: 'usb' | 'virtio';
}

export const input = (props: Omit<Input, 'kind'>): Input => make('input', props);

export const inputToXml = ({ type, bus, origin }: Input): XmlElement =>
  element('input', { type, bus }, [], origin);
