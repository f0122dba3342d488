/** The CPU that the guest sees. https://libvirt.org/formatdomain.html#cpu-model-and-topology */
import { element, textElement, type XmlElement } from '../xml/element.ts';
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

export interface Cpu extends Node<'cpu'> {
  /** Absent: QEMU's own default model, only the topology is said. */
  readonly mode?: 'host-model' | 'host-passthrough' | 'custom' | 'maximum';
  /** For mode custom. */
  readonly model?: string;
  readonly topology: CpuTopology;
  readonly features: readonly CpuFeature[];
}

export const cpu = (props: Omit<Cpu, 'kind'>): Cpu => make('cpu', props);
export const cpuTopology = (props: Omit<CpuTopology, 'kind'>): CpuTopology => make('cpu-topology', props);
export const cpuFeature = (props: Omit<CpuFeature, 'kind'>): CpuFeature => make('cpu-feature', props);

/** `match` belongs to named models (and to QEMU's default one); fallback=forbid, so that a missing model is an error. */
export function cpuToXml(node: Cpu): XmlElement {
  const named = node.mode === undefined || node.mode === 'custom';
  return element(
    'cpu',
    { mode: node.mode, match: named ? 'exact' : undefined },
    [
      node.model === undefined ? undefined : element('model', { fallback: 'forbid' }, [node.model]),
      topologyToXml(node.topology),
      ...node.features.map(featureToXml),
    ],
    node.origin,
  );
}

const topologyToXml = ({ sockets, cores, threads, origin }: CpuTopology): XmlElement =>
  element('topology', { sockets, cores, threads }, [], origin);

const featureToXml = ({ name, policy, origin }: CpuFeature): XmlElement =>
  element('feature', { policy, name }, [], origin);

/** Number of virtual CPUs. */
export interface Vcpu extends Node<'vcpu'> {
  readonly count: number;
}
export const vcpu = (props: Omit<Vcpu, 'kind'>): Vcpu => make('vcpu', props);
export const vcpuToXml = (node: Vcpu): XmlElement => textElement('vcpu', node.count, node.origin);
