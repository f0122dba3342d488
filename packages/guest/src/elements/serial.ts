/** The serial console: a pty for the user, and a log file that virtlogd writes. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Serial extends Node<'serial'> {
  readonly port: number;
  /** Appended to over restarts; virtlogd rotates it. */
  readonly logPath: string;
}

export const serial = (props: Omit<Serial, 'kind'>): Serial => make('serial', props);

export const serialToXml = (node: Serial): XmlElement =>
  element(
    'serial',
    { type: 'pty' },
    [element('log', { file: node.logPath, append: 'on' }), element('target', { port: node.port })],
    node.origin,
  );
