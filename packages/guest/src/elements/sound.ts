/** A sound card. https://libvirt.org/formatdomain.html#sound-devices */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Sound extends Node<'sound'> {
  readonly model: string;
}

export const sound = (props: Omit<Sound, 'kind'>): Sound => make('sound', props);

export const soundToXml = ({ model, origin }: Sound): XmlElement => element('sound', { model }, [], origin);
