/** What the machine is and what it boots. https://libvirt.org/formatdomain.html#operating-system-booting */
import { element, textElement, type XmlElement } from '../xml/element.ts';
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

/** Firmware looks for a boot loader on the first disk. */
export interface DiskBoot extends Node<'disk-boot'> {
  readonly device: 'hd';
}

export interface Os extends Node<'os'> {
  readonly machineType: MachineType;
  readonly boot: DirectKernel | DiskBoot;
}

export const os = (props: Omit<Os, 'kind'>): Os => make('os', props);
export const machineType = (props: Omit<MachineType, 'kind'>): MachineType => make('machine-type', props);
export const directKernel = (props: Omit<DirectKernel, 'kind'>): DirectKernel => make('direct-kernel', props);
export const diskBoot = (props: Omit<DiskBoot, 'kind'>): DiskBoot => make('disk-boot', props);

export const osToXml = (node: Os): XmlElement =>
  element('os', {}, [machineTypeToXml(node.machineType), ...bootToXml(node.boot)], node.origin);

const machineTypeToXml = (node: MachineType): XmlElement =>
  element('type', { arch: node.architecture, machine: node.machine }, ['hvm'], node.origin);

function bootToXml(boot: Os['boot']): (XmlElement | undefined)[] {
  if (boot.kind === 'disk-boot') return [element('boot', { dev: boot.device }, [], boot.origin)];
  return [
    textElement('kernel', boot.kernel, boot.origin),
    boot.initrd === undefined ? undefined : textElement('initrd', boot.initrd, boot.origin),
    textElement('cmdline', boot.commandLine, boot.origin),
  ];
}
