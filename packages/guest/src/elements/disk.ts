/** A disk. https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms */
import type { Origin } from '../origin.ts';
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { type Iotune, iotuneToXml } from './iotune.ts';
import { make, type Node } from './node.ts';
import { virtioAttributes, type WithVirtio } from './virtio.ts';

export const diskBuses = ['virtio', 'scsi', 'sata', 'ide', 'usb'] as const;
/** `fdc` is the floppy controller. */
export type DiskBus = (typeof diskBuses)[number] | 'fdc';
export const cacheModes = ['none', 'writeback', 'writethrough', 'directsync', 'unsafe', 'default'] as const;
export type CacheMode = (typeof cacheModes)[number];
export type DiskDevice = 'disk' | 'cdrom' | 'floppy' | 'lun';

/** A disk over the network, such as one of Ceph. */
export interface NetworkSource {
  readonly type: 'network';
  readonly protocol: string;
  readonly name?: string;
  readonly hosts: readonly { readonly name: string; readonly port?: string }[];
  /** A libvirt secret that opens it. */
  readonly auth?: { readonly user?: string; readonly type: string; readonly secret?: string };
}

export type DiskSource =
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'block'; readonly path: string }
  /** Of a drive without a medium. */
  | { readonly type: 'none' }
  | NetworkSource;

export interface DiskTarget extends Node<'disk-target'> {
  readonly device: string;
  readonly bus: DiskBus;
}

/** How QEMU opens it. The format is always named: a guest can write any header into a raw disk. */
export interface DiskDriver extends Node<'disk-driver'>, WithVirtio {
  /** Absent: libvirt knows it anyway. */
  readonly name?: 'qemu';
  /** Absent: there is nothing to open. */
  readonly format?: string;
  readonly cache: CacheMode;
  readonly discard?: 'unmap' | 'ignore';
  readonly io?: 'native' | 'threads';
  readonly ioThread?: number;
}

export interface Disk extends Node<'disk'> {
  readonly device: DiskDevice;
  readonly source: DiskSource;
  readonly driver: DiskDriver;
  readonly target: DiskTarget;
  /** What the guest sees as the disk's serial number. */
  readonly serial?: string;
  readonly iotune?: Iotune;
  /** Bytes. */
  readonly blockSize?: { readonly logical?: number; readonly physical?: number };
  readonly readOnly: boolean;
  /** Used by several guests at once. */
  readonly shareable?: boolean;
  readonly bootOrder?: number;
  readonly bootOrigin?: Origin;
  /** Unit on the first SCSI controller. */
  readonly scsiUnit?: number;
  readonly drive?: DriveAddress;
}

/** Where on the first controller of its bus. */
export interface DriveAddress {
  readonly bus: number;
  readonly target: number;
  readonly unit: number;
}

export const disk = (props: Omit<Disk, 'kind'>): Disk => make('disk', props);
export const diskTarget = (props: Omit<DiskTarget, 'kind'>): DiskTarget => make('disk-target', props);
export const diskDriver = (props: Omit<DiskDriver, 'kind'>): DiskDriver => make('disk-driver', props);

export const diskToXml = (node: Disk): XmlElement =>
  element(
    'disk',
    { type: node.source.type === 'none' ? 'file' : node.source.type, device: node.device },
    [
      driverToXml(node.driver),
      sourceToXml(node.source),
      authToXml(node.source),
      element('target', { dev: node.target.device, bus: node.target.bus }, [], node.target.origin),
      node.iotune && iotuneToXml(node.iotune),
      node.blockSize && blockSizeToXml(node.blockSize),
      node.readOnly ? element('readonly') : undefined,
      node.shareable ? element('shareable') : undefined,
      node.serial === undefined ? undefined : textElement('serial', node.serial),
      bootElement(node.bootOrder, node.bootOrigin),
      node.scsiUnit === undefined
        ? undefined
        : element('address', { type: 'drive', controller: 0, unit: node.scsiUnit }),
      node.drive && element('address', { type: 'drive', controller: 0, ...node.drive }),
    ],
    node.origin,
  );

const driverToXml = (node: DiskDriver): XmlElement =>
  element(
    'driver',
    {
      name: node.name,
      type: node.format,
      cache: node.cache,
      discard: node.discard,
      io: node.io,
      iothread: node.ioThread,
      ...virtioAttributes(node),
    },
    [],
    node.origin,
  );

export const bootElement = (order: number | undefined, by: Origin | undefined): XmlElement | undefined =>
  order === undefined ? undefined : element('boot', { order }, [], by);

function sourceToXml(source: DiskSource): XmlElement | undefined {
  if (source.type === 'none') return undefined;
  if (source.type === 'file') return element('source', { file: source.path });
  if (source.type === 'block') return element('source', { dev: source.path });
  const hosts = source.hosts.map((host) => element('host', { name: host.name, port: host.port }));
  return element('source', { protocol: source.protocol, name: source.name }, hosts);
}

const authToXml = (source: DiskSource): XmlElement | undefined =>
  source.type === 'network' && source.auth
    ? element('auth', { username: source.auth.user }, [
        element('secret', { type: source.auth.type, uuid: source.auth.secret }),
      ])
    : undefined;

const blockSizeToXml = ({ logical, physical }: NonNullable<Disk['blockSize']>): XmlElement =>
  element('blockio', { logical_block_size: logical, physical_block_size: physical });

const devicePrefix: Record<DiskBus, string> = {
  virtio: 'vd',
  scsi: 'sd',
  sata: 'sd',
  usb: 'sd',
  ide: 'hd',
  fdc: 'fd',
};

/** libvirt's device name of the n-th disk (from 0) on a bus: vda, ..., vdz, vdaa. */
export function deviceName(bus: DiskBus, index: number, prefix: string = devicePrefix[bus]): string {
  let letters = '';
  for (let rest = index; rest >= 0; rest = Math.floor(rest / 26) - 1)
    letters = String.fromCharCode(97 + (rest % 26)) + letters;
  return prefix + letters;
}

/** The opposite: 0 of vda, 26 of sdaa; undefined for what is no such name. */
export function deviceNumber(name: string): number | undefined {
  const letters = /^[a-z]d([a-z]{1,3})$/.exec(name)?.[1];
  if (letters === undefined) return undefined;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 96, 0) - 1;
}
