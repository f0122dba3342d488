/** A display: VNC on a unix socket, which nobody reaches but through the agent, or VNC or SPICE on an address. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Graphics extends Node<'graphics'> {
  readonly type: 'vnc' | 'spice';
  readonly at: { readonly socket: string } | { readonly address: string };
}

export const graphics = (props: Omit<Graphics, 'kind'>): Graphics => make('graphics', props);

export const graphicsToXml = ({ type, at, origin }: Graphics): XmlElement =>
  'socket' in at
    ? element('graphics', { type }, [element('listen', { type: 'socket', socket: at.socket })], origin)
    : element('graphics', { type, autoport: 'yes', listen: at.address }, [], origin);
