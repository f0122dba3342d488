/** CPU time and host CPUs of the guest. https://libvirt.org/formatdomain.html#cpu-tuning */
import { type CpuList, formatCpuList } from '../numa/cpu-list.ts';
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

/** One of shares (a weight), period and quota (microseconds). */
export interface CpuLimit extends Node<'cpu-limit'> {
  readonly name: 'shares' | 'period' | 'quota';
  readonly value: number;
}

export interface VcpuPin extends Node<'vcpu-pin'> {
  readonly vcpu: number;
  readonly hostCpus: CpuList;
}

export interface EmulatorPin extends Node<'emulator-pin'> {
  readonly hostCpus: CpuList;
}

/** vCPUs that the host schedules as realtime, first in first out. */
export interface VcpuRealtime extends Node<'vcpu-realtime'> {
  readonly vcpus: CpuList;
  readonly priority: number;
}

export interface CpuTune extends Node<'cpu-tune'> {
  readonly limits: readonly CpuLimit[];
  readonly vcpuPins: readonly VcpuPin[];
  readonly emulatorPin?: EmulatorPin;
  readonly realtime?: VcpuRealtime;
}

export const cpuTune = (props: Omit<CpuTune, 'kind'>): CpuTune => make('cpu-tune', props);
export const cpuLimit = (props: Omit<CpuLimit, 'kind'>): CpuLimit => make('cpu-limit', props);
export const vcpuPin = (props: Omit<VcpuPin, 'kind'>): VcpuPin => make('vcpu-pin', props);
export const emulatorPin = (props: Omit<EmulatorPin, 'kind'>): EmulatorPin => make('emulator-pin', props);
export const vcpuRealtime = (props: Omit<VcpuRealtime, 'kind'>): VcpuRealtime => make('vcpu-realtime', props);

export const cpuTuneToXml = (node: CpuTune): XmlElement =>
  element(
    'cputune',
    {},
    [
      ...node.limits.map(({ name, value, origin }) => textElement(name, value, origin)),
      ...node.vcpuPins.map(pinToXml),
      node.emulatorPin &&
        element(
          'emulatorpin',
          { cpuset: formatCpuList(node.emulatorPin.hostCpus) },
          [],
          node.emulatorPin.origin,
        ),
      node.realtime && realtimeToXml(node.realtime),
    ],
    node.origin,
  );

const pinToXml = ({ vcpu, hostCpus, origin }: VcpuPin): XmlElement =>
  element('vcpupin', { vcpu, cpuset: formatCpuList(hostCpus) }, [], origin);

const realtimeToXml = ({ vcpus, priority, origin }: VcpuRealtime): XmlElement =>
  element('vcpusched', { vcpus: formatCpuList(vcpus), scheduler: 'fifo', priority }, [], origin);
