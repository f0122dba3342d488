/** A VNC display on a unix socket: no TCP port, so nobody reaches it but through the agent. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Graphics extends Node<'graphics'> {
  readonly socket: string;
}

export const graphics = (props: Omit<Graphics, 'kind'>): Graphics => make('graphics', props);

export const graphicsToXml = (node: Graphics): XmlElement =>
  element(
    'graphics',
    { type: 'vnc' },
    [element('listen', { type: 'socket', socket: node.socket })],
    node.origin,
  );
