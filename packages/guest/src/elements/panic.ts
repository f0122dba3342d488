/** pvpanic: the guest's kernel says that it panics, instead of just going silent. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Panic extends Node<'panic'> {
  readonly model: 'isa';
}

export const panic = (props: Omit<Panic, 'kind'>): Panic => make('panic', props);

export const panicToXml = (node: Panic): XmlElement =>
  element('panic', { model: node.model }, [], node.origin);
