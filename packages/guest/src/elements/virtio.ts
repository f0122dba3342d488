/** Options that every virtio device may carry. https://libvirt.org/formatdomain.html#virtio-related-options */
import { element, type XmlElement } from '../xml/element.ts';

export interface VirtioOptions {
  /** Memory encryption and virtual IOMMUs need DMA through the IOMMU. */
  readonly iommu?: boolean;
  /** The packed layout of virtqueues. */
  readonly packed?: boolean;
}

/** A node of a device that may be a virtio one. */
export interface WithVirtio {
  readonly virtio?: VirtioOptions;
}

export const virtioAttributes = ({ virtio }: WithVirtio): Record<string, string | undefined> => ({
  iommu: virtio?.iommu ? 'on' : undefined,
  packed: virtio?.packed ? 'on' : undefined,
});

/** The driver element of a device that has nothing else to say there. */
export const virtioDriver = (node: WithVirtio): XmlElement | undefined =>
  node.virtio?.iommu || node.virtio?.packed ? element('driver', virtioAttributes(node)) : undefined;
