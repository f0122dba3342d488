/** What the firmware's tables (SMBIOS) say about the machine. https://libvirt.org/formatdomain.html#smbios-system-information */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Sysinfo extends Node<'sysinfo'> {
  readonly manufacturer: string;
  readonly product: string;
  readonly version: string;
  readonly serial?: string;
  readonly uuid: string;
  readonly family: string;
}

export const sysinfo = (props: Omit<Sysinfo, 'kind'>): Sysinfo => make('sysinfo', props);

const entries = ['manufacturer', 'product', 'version', 'serial', 'uuid', 'family'] as const;

export const sysinfoToXml = (node: Sysinfo): XmlElement =>
  element(
    'sysinfo',
    { type: 'smbios' },
    [
      element(
        'system',
        {},
        entries.map((name) => {
          const value = node[name];
          return value === undefined ? undefined : element('entry', { name }, [value]);
        }),
      ),
    ],
    node.origin,
  );
