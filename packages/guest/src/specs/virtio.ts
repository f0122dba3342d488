/** Options of virtio devices: encryption wants the IOMMU, hw:virtio_packed_ring the packed layout. */
import type { VirtioOptions } from '../elements/virtio.ts';
import type { Wanted } from '../wanted.ts';
import { agreed, type Settings } from './settings.ts';

/** @throws GantryError `property_conflict` */
export const packedRing = (settings: Settings) =>
  agreed<boolean>(settings, 'hw:virtio_packed_ring', 'hw_virtio_packed_ring');

/** For a device that is a virtio one, ready to be spread. */
export function virtioFrom(
  { encrypted, settings }: Wanted,
  isVirtio: boolean,
): { readonly virtio?: VirtioOptions } {
  const packed = packedRing(settings)?.value === true;
  if (!isVirtio || (!encrypted && !packed)) return {};
  return { virtio: { ...(encrypted ? { iommu: true } : {}), ...(packed ? { packed } : {}) } };
}
