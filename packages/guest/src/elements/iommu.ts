/** A virtual IOMMU. https://libvirt.org/formatdomain.html#iommu-devices */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

/** Of Intel's model only; libvirt refuses them on the others. */
export interface IntelIommu {
  /** Width of addresses, needs libvirt 6.5. */
  readonly addressBits?: number;
  /** Interrupts of more than 255 CPUs; needs KVM. */
  readonly eim: boolean;
}

export interface Iommu extends Node<'iommu'> {
  readonly model: 'intel' | 'smmuv3' | 'virtio';
  readonly intel?: IntelIommu;
}

export const iommu = (props: Omit<Iommu, 'kind'>): Iommu => make('iommu', props);

export const iommuToXml = ({ model, intel, origin }: Iommu): XmlElement =>
  element('iommu', { model }, [intel && intelToXml(intel)], origin);

/** Interrupt remapping and caching mode are what device assignment inside the guest needs; eim belongs to q35. */
const intelToXml = ({ addressBits, eim }: IntelIommu): XmlElement =>
  element('driver', {
    intremap: 'on',
    caching_mode: 'on',
    aw_bits: addressBits,
    eim: eim ? 'on' : 'off',
    iotlb: 'on',
  });
