/** The whole guest: the root of the tree. */
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { type Clock, clockToXml } from './clock.ts';
import { type Cpu, cpuToXml, type Vcpu, vcpuToXml } from './cpu.ts';
import { type Device, devicesToXml } from './devices.ts';
import { type Features, featuresToXml } from './features.ts';
import { type Lifecycle, lifecycleToXml } from './lifecycle.ts';
import { type Memory, memoryToXml } from './memory.ts';
import { type Metadata, metadataToXml } from './metadata.ts';
import { make, type Node } from './node.ts';
import { type Os, osToXml } from './os.ts';

export interface GuestDomain extends Node<'domain'> {
  /** libvirt's word: `qemu` is emulation (TCG). */
  readonly type: 'kvm' | 'qemu';
  readonly uuid: string;
  readonly name: string;
  readonly metadata: Metadata;
  readonly memory: Memory;
  readonly vcpu: Vcpu;
  readonly os: Os;
  readonly features: Features;
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly lifecycle: readonly Lifecycle[];
  readonly emulator: string;
  readonly devices: readonly Device[];
}

export const domain = (props: Omit<GuestDomain, 'kind'>): GuestDomain => make('domain', props);

export const domainToXml = (node: GuestDomain): XmlElement =>
  element(
    'domain',
    { type: node.type },
    [
      textElement('uuid', node.uuid),
      textElement('name', node.name),
      metadataToXml(node.metadata),
      memoryToXml(node.memory),
      vcpuToXml(node.vcpu),
      osToXml(node.os),
      featuresToXml(node.features),
      cpuToXml(node.cpu),
      clockToXml(node.clock),
      ...node.lifecycle.map(lifecycleToXml),
      devicesToXml(node.emulator, node.devices),
    ],
    node.origin,
  );
