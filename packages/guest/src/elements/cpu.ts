/** The CPU that the guest sees. https://libvirt.org/formatdomain.html#cpu-model-and-topology */
import { type CpuList, formatCpuList } from '../numa/cpu-list.ts';
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface CpuTopology extends Node<'cpu-topology'> {
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

export interface CpuFeature extends Node<'cpu-feature'> {
  readonly name: string;
  readonly policy: 'require' | 'disable';
}

/** A NUMA cell of the guest. */
export interface NumaCell extends Node<'numa-cell'> {
  readonly id: number;
  readonly cpus: CpuList;
  readonly memoryMiB: number;
  /** With huge pages: other processes of the host, such as a user-space switch, see the memory. */
  readonly shared: boolean;
}

/** Width of physical addresses. */
export interface MaxPhysAddr extends Node<'max-phys-addr'> {
  readonly mode: 'passthrough' | 'emulate';
  readonly bits?: number;
}

export interface Cpu extends Node<'cpu'> {
  /** Absent: QEMU's own default model, or the named one of an emulated architecture. */
  readonly mode?: 'host-model' | 'host-passthrough' | 'custom' | 'maximum';
  /** For mode custom, and for emulated architectures. */
  readonly model?: string;
  /** `forbid`: a model that the host lacks is an error. */
  readonly fallback?: 'forbid';
  /** Of named models, and of QEMU's default one; libvirt ignores it elsewhere. */
  readonly match?: 'exact';
  /** Compare what the guest got with what was asked for, feature by feature, and refuse to start it otherwise. */
  readonly check?: 'full';
  readonly topology: CpuTopology;
  readonly features: readonly CpuFeature[];
  readonly cells: readonly NumaCell[];
  readonly maxPhysAddr?: MaxPhysAddr;
}

export const cpu = (props: Omit<Cpu, 'kind'>): Cpu => make('cpu', props);
export const cpuTopology = (props: Omit<CpuTopology, 'kind'>): CpuTopology => make('cpu-topology', props);
export const cpuFeature = (props: Omit<CpuFeature, 'kind'>): CpuFeature => make('cpu-feature', props);
export const numaCell = (props: Omit<NumaCell, 'kind'>): NumaCell => make('numa-cell', props);
export const maxPhysAddr = (props: Omit<MaxPhysAddr, 'kind'>): MaxPhysAddr => make('max-phys-addr', props);

export const cpuToXml = (node: Cpu): XmlElement =>
  element(
    'cpu',
    { mode: node.mode, match: node.match, check: node.check },
    [
      node.model === undefined ? undefined : element('model', { fallback: node.fallback }, [node.model]),
      topologyToXml(node.topology),
      node.maxPhysAddr && maxPhysAddrToXml(node.maxPhysAddr),
      ...node.features.map(featureToXml),
      node.cells.length === 0 ? undefined : element('numa', {}, node.cells.map(cellToXml)),
    ],
    node.origin,
  );

const maxPhysAddrToXml = ({ mode, bits, origin }: MaxPhysAddr): XmlElement =>
  element('maxphysaddr', { mode, bits }, [], origin);

const cellToXml = ({ id, cpus, memoryMiB, shared, origin }: NumaCell): XmlElement =>
  element(
    'cell',
    {
      id,
      cpus: formatCpuList(cpus),
      memory: memoryMiB * 1024,
      unit: 'KiB',
      memAccess: shared ? 'shared' : undefined,
    },
    [],
    origin,
  );

const topologyToXml = ({ sockets, cores, threads, origin }: CpuTopology): XmlElement =>
  element('topology', { sockets, cores, threads }, [], origin);

const featureToXml = ({ name, policy, origin }: CpuFeature): XmlElement =>
  element('feature', { policy, name }, [], origin);

/** Virtual CPUs, and the host CPUs that those without pins of their own may use. */
export interface Vcpu extends Node<'vcpu'> {
  /** That QEMU has room for. */
  readonly most: number;
  /** That the guest has. */
  readonly count: number;
  readonly hostCpus?: CpuList;
}
export const vcpu = (props: Omit<Vcpu, 'kind'>): Vcpu => make('vcpu', props);
export const vcpuToXml = ({ most, count, hostCpus, origin }: Vcpu): XmlElement =>
  element(
    'vcpu',
    { cpuset: hostCpus && formatCpuList(hostCpus), current: count < most ? count : undefined },
    [String(most)],
    origin,
  );

/** Virtual CPUs one by one, all but the first of which may be plugged in and out while the guest runs. */
export interface PluggedVcpus extends Node<'plugged-vcpus'> {
  readonly most: number;
  readonly count: number;
}
export const pluggedVcpus = (props: Omit<PluggedVcpus, 'kind'>): PluggedVcpus => make('plugged-vcpus', props);
export const pluggedVcpusToXml = ({ most, count, origin }: PluggedVcpus): XmlElement => {
  const each = Array.from({ length: most }, (_, id) =>
    element('vcpu', { id, enabled: id < count ? 'yes' : 'no', hotpluggable: id === 0 ? 'no' : 'yes' }, []),
  );
  return element('vcpus', {}, each, origin);
};
