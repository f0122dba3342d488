/** What the machine is and what it boots. https://libvirt.org/formatdomain.html#operating-system-booting */
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { type Firmware, firmwareAttribute, firmwareToXml } from './firmware.ts';
import { make, type Node } from './node.ts';

/** Kernel, initrd and command line given by the host. */
export interface DirectKernel extends Node<'direct-kernel'> {
  readonly kernel: string;
  readonly initrd?: string;
  readonly commandLine: string;
}

export interface MachineType extends Node<'machine-type'> {
  readonly architecture: string;
  readonly machine: string;
}

export type BootDevice = 'hd' | 'cdrom' | 'fd';

/** Firmware looks for a boot loader on devices of these kinds, in that order. */
export interface DiskBoot extends Node<'disk-boot'> {
  readonly devices: readonly BootDevice[];
}

export interface BootMenu extends Node<'boot-menu'> {
  readonly on: true;
}

export interface Os extends Node<'os'> {
  readonly machineType: MachineType;
  readonly firmware?: Firmware;
  readonly boot?: DirectKernel | DiskBoot;
  readonly bootMenu?: BootMenu;
  /** SMBIOS tables from `sysinfo`. */
  readonly smbios: boolean;
}

export const os = (props: Omit<Os, 'kind'>): Os => make('os', props);
export const machineType = (props: Omit<MachineType, 'kind'>): MachineType => make('machine-type', props);
export const directKernel = (props: Omit<DirectKernel, 'kind'>): DirectKernel => make('direct-kernel', props);
export const diskBoot = (props: Omit<DiskBoot, 'kind'>): DiskBoot => make('disk-boot', props);
export const bootMenu = (props: Omit<BootMenu, 'kind'>): BootMenu => make('boot-menu', props);

export const osToXml = (node: Os): XmlElement =>
  element(
    'os',
    { firmware: firmwareAttribute(node.firmware) },
    [
      machineTypeToXml(node.machineType),
      ...(node.firmware ? firmwareToXml(node.firmware) : []),
      ...bootToXml(node.boot),
      node.bootMenu && element('bootmenu', { enable: 'yes' }, [], node.bootMenu.origin),
      node.smbios ? element('smbios', { mode: 'sysinfo' }) : undefined,
    ],
    node.origin,
  );

const machineTypeToXml = (node: MachineType): XmlElement =>
  element('type', { arch: node.architecture, machine: node.machine }, ['hvm'], node.origin);

function bootToXml(boot: Os['boot']): (XmlElement | undefined)[] {
  if (!boot) return [];
  if (boot.kind === 'disk-boot') return boot.devices.map((dev) => element('boot', { dev }, [], boot.origin));
  return [
    textElement('kernel', boot.kernel, boot.origin),
    boot.initrd === undefined ? undefined : textElement('initrd', boot.initrd, boot.origin),
    textElement('cmdline', boot.commandLine, boot.origin),
  ];
}
