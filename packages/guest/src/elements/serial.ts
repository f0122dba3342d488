/** A serial port: a pty for the user, or a TCP port; the first one's output also goes to a log file that virtlogd writes. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Serial extends Node<'serial'> {
  /** Number of the port in the guest; absent: libvirt counts. */
  readonly port?: number;
  /** virtlogd rotates it. */
  readonly log?: { readonly path: string; readonly append: boolean };
  /** Where to listen; absent: a pty. */
  readonly tcp?: { readonly host: string; readonly port: number };
}

export const serial = (props: Omit<Serial, 'kind'>): Serial => make('serial', props);

export const serialToXml = ({ port, log, tcp, origin }: Serial): XmlElement =>
  element(
    'serial',
    { type: tcp ? 'tcp' : 'pty' },
    [
      tcp && element('source', { mode: 'bind', host: tcp.host, service: tcp.port }),
      log && element('log', { file: log.path, append: log.append ? 'on' : 'off' }),
      port === undefined ? undefined : element('target', { port }),
    ],
    origin,
  );
