/** The whole guest: the root of the tree. */
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { type Clock, clockToXml } from './clock.ts';
import { type Cpu, cpuToXml, type PluggedVcpus, pluggedVcpusToXml, type Vcpu, vcpuToXml } from './cpu.ts';
import { type CpuTune, cpuTuneToXml } from './cpu-tune.ts';
import { type Device, devicesToXml } from './devices.ts';
import { type Features, featuresToXml } from './features.ts';
import { type IoThreads, ioThreadsToXml } from './io-threads.ts';
import { type LaunchSecurity, launchSecurityToXml } from './launch-security.ts';
import { type Lifecycle, lifecycleToXml } from './lifecycle.ts';
import { type Memory, memoryToXml } from './memory.ts';
import { type MemoryBacking, memoryBackingToXml } from './memory-backing.ts';
import { type Metadata, metadataToXml } from './metadata.ts';
import { make, type Node } from './node.ts';
import { type NumaTune, numaTuneToXml } from './numa-tune.ts';
import { type Os, osToXml } from './os.ts';
import { type Sysinfo, sysinfoToXml } from './sysinfo.ts';

export interface GuestDomain extends Node<'domain'> {
  /** libvirt's word: `qemu` is emulation (TCG). */
  readonly type: 'kvm' | 'qemu';
  readonly uuid: string;
  readonly name: string;
  readonly metadata?: Metadata;
  readonly memory: Memory;
  readonly memoryBacking?: MemoryBacking;
  readonly vcpu: Vcpu;
  /** Where they may change while it runs. */
  readonly vcpus?: PluggedVcpus;
  readonly ioThreads?: IoThreads;
  readonly cpuTune?: CpuTune;
  readonly numaTune?: NumaTune;
  readonly sysinfo?: Sysinfo;
  readonly os: Os;
  readonly features: Features;
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly lifecycle: readonly Lifecycle[];
  readonly emulator?: string;
  readonly devices: readonly Device[];
  readonly launchSecurity?: LaunchSecurity;
}

export const domain = (props: Omit<GuestDomain, 'kind'>): GuestDomain => make('domain', props);

/** In the order in which libvirt itself writes it. */
export const domainToXml = (node: GuestDomain): XmlElement =>
  element(
    'domain',
    { type: node.type },
    [
      textElement('uuid', node.uuid),
      textElement('name', node.name),
      node.metadata && metadataToXml(node.metadata),
      ...memoryToXml(node.memory),
      node.memoryBacking && memoryBackingToXml(node.memoryBacking),
      vcpuToXml(node.vcpu),
      node.vcpus && pluggedVcpusToXml(node.vcpus),
      node.ioThreads && ioThreadsToXml(node.ioThreads),
      node.cpuTune && cpuTuneToXml(node.cpuTune),
      node.numaTune && numaTuneToXml(node.numaTune),
      node.sysinfo && sysinfoToXml(node.sysinfo),
      osToXml(node.os),
      featuresToXml(node.features),
      cpuToXml(node.cpu),
      clockToXml(node.clock),
      ...node.lifecycle.map(lifecycleToXml),
      devicesToXml(node.emulator, node.devices),
      node.launchSecurity && launchSecurityToXml(node.launchSecurity),
    ],
    node.origin,
  );
