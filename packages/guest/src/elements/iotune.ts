/** Limits of a disk's traffic. https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms (iotune) */
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

/** libvirt's own names: bytes or operations per second, `_max` for bursts. */
export const iotuneLimits = [
  'total_bytes_sec',
  'read_bytes_sec',
  'write_bytes_sec',
  'total_iops_sec',
  'read_iops_sec',
  'write_iops_sec',
  'total_bytes_sec_max',
  'read_bytes_sec_max',
  'write_bytes_sec_max',
  'total_iops_sec_max',
  'read_iops_sec_max',
  'write_iops_sec_max',
  'size_iops_sec',
] as const;
export type IotuneLimit = (typeof iotuneLimits)[number];

export interface Iotune extends Node<'iotune'> {
  readonly limits: { readonly [K in IotuneLimit]?: number };
}

export const iotune = (props: Omit<Iotune, 'kind'>): Iotune => make('iotune', props);

export const iotuneToXml = ({ limits, origin }: Iotune): XmlElement =>
  element(
    'iotune',
    {},
    iotuneLimits.map((name) => {
      const value = limits[name];
      return value === undefined ? undefined : textElement(name, value);
    }),
    origin,
  );
