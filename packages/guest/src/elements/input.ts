/** A pointer besides the machine's own mouse. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Input extends Node<'input'> {
  readonly type: 'tablet';
  readonly bus: 'usb';
}

export const input = (props: Omit<Input, 'kind'>): Input => make('input', props);

export const inputToXml = ({ type, bus, origin }: Input): XmlElement =>
  element('input', { type, bus }, [], origin);
