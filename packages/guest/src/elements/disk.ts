/** A disk. https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms */
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export const diskBuses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const;
export type DiskBus = (typeof diskBuses)[number];
export type CacheMode = 'none' | 'writeback' | 'writethrough' | 'directsync' | 'unsafe';

export interface DiskTarget extends Node<'disk-target'> {
  readonly device: string;
  readonly bus: DiskBus;
}

/** How QEMU opens the file. The format is always named: a guest can write any header into a raw disk. */
export interface DiskDriver extends Node<'disk-driver'> {
  readonly format: 'qcow2' | 'raw';
  readonly cache: CacheMode;
  readonly discard?: 'unmap' | 'ignore';
}

export interface Disk extends Node<'disk'> {
  readonly path: string;
  readonly driver: DiskDriver;
  readonly target: DiskTarget;
  /** What the guest sees as the disk's serial number. */
  readonly serial?: string;
  readonly readOnly: boolean;
}

export const disk = (props: Omit<Disk, 'kind'>): Disk => make('disk', props);
export const diskTarget = (props: Omit<DiskTarget, 'kind'>): DiskTarget => make('disk-target', props);
export const diskDriver = (props: Omit<DiskDriver, 'kind'>): DiskDriver => make('disk-driver', props);

export const diskToXml = (node: Disk): XmlElement =>
  element(
    'disk',
    { type: 'file', device: 'disk' },
    [
      driverToXml(node.driver),
      element('source', { file: node.path }),
      element('target', { dev: node.target.device, bus: node.target.bus }, [], node.target.origin),
      node.readOnly ? element('readonly') : undefined,
      node.serial === undefined ? undefined : textElement('serial', node.serial),
    ],
    node.origin,
  );

const driverToXml = ({ format, cache, discard, origin }: DiskDriver): XmlElement =>
  element('driver', { name: 'qemu', type: format, cache, discard }, [], origin);

const devicePrefix: Record<DiskBus, string> = { virtio: 'vd', scsi: 'sd', sata: 'sd', usb: 'sd', ide: 'hd' };

/** libvirt's device name of the n-th disk (from 0) on a bus: vda, ..., vdz, vdaa. */
export function deviceName(bus: DiskBus, index: number): string {
  let letters = '';
  for (let rest = index; rest >= 0; rest = Math.floor(rest / 26) - 1)
    letters = String.fromCharCode(97 + (rest % 26)) + letters;
  return devicePrefix[bus] + letters;
}
