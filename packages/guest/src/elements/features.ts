/** Hypervisor features. https://libvirt.org/formatdomain.html#hypervisor-features */
import { element, switchElement, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

/** A feature that is there or not: `<acpi/>`. */
export interface PlainFeature extends Node<'plain-feature'> {
  readonly name: 'acpi' | 'apic' | 'vmcoreinfo';
}

/** The virtual performance counters. */
export interface Pmu extends Node<'pmu'> {
  readonly on: boolean;
}

/** Hide the hypervisor's signature from CPUID. */
export interface KvmHidden extends Node<'kvm-hidden'> {
  readonly hidden: true;
}

export interface HypervFeature extends Node<'hyperv-feature'> {
  readonly name: string;
  /** Further attributes, such as the retries of spinlocks. */
  readonly with?: Readonly<Record<string, string>>;
}

/** Paravirtual interfaces that Windows knows. */
export interface Hyperv extends Node<'hyperv'> {
  readonly features: readonly HypervFeature[];
}

/** System management mode, which Secure Boot firmware needs to keep its variables from the guest. */
export interface Smm extends Node<'smm'> {
  readonly on: true;
}

/** QEMU’s interrupt controller instead of KVM’s, which a virtual IOMMU with interrupt remapping needs. */
export interface IoApic extends Node<'ioapic'> {
  readonly driver: 'qemu';
}

export interface Features extends Node<'features'> {
  readonly plain: readonly PlainFeature[];
  readonly pmu?: Pmu;
  readonly kvmHidden?: KvmHidden;
  readonly hyperv?: Hyperv;
  readonly smm?: Smm;
  readonly ioApic?: IoApic;
}

export const features = (props: Omit<Features, 'kind'>): Features => make('features', props);
export const plainFeature = (props: Omit<PlainFeature, 'kind'>): PlainFeature => make('plain-feature', props);
export const pmu = (props: Omit<Pmu, 'kind'>): Pmu => make('pmu', props);
export const kvmHidden = (props: Omit<KvmHidden, 'kind'>): KvmHidden => make('kvm-hidden', props);
export const hyperv = (props: Omit<Hyperv, 'kind'>): Hyperv => make('hyperv', props);
export const smm = (props: Omit<Smm, 'kind'>): Smm => make('smm', props);
export const ioApic = (props: Omit<IoApic, 'kind'>): IoApic => make('ioapic', props);
export const hypervFeature = (props: Omit<HypervFeature, 'kind'>): HypervFeature =>
  make('hyperv-feature', props);

export function featuresToXml(node: Features): XmlElement | undefined {
  const children = [
    ...node.plain.map((f) => element(f.name, {}, [], f.origin)),
    node.hyperv && hypervToXml(node.hyperv),
    node.kvmHidden && element('kvm', {}, [switchElement('hidden', true)], node.kvmHidden.origin),
    node.pmu && switchElement('pmu', node.pmu.on, node.pmu.origin),
    node.smm && switchElement('smm', true, node.smm.origin),
    node.ioApic && element('ioapic', { driver: node.ioApic.driver }, [], node.ioApic.origin),
  ].filter((child) => child !== undefined);
  return children.length === 0 ? undefined : element('features', {}, children, node.origin);
}

const hypervToXml = (node: Hyperv): XmlElement =>
  element(
    'hyperv',
    {},
    node.features.map((f) => element(f.name, { state: 'on', ...f.with }, [], f.origin)),
    node.origin,
  );
