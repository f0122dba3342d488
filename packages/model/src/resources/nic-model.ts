/** What a NIC of a guest is. Those of Nova’s list that x86 machines of every supported QEMU have. */
import { oneOf } from '../schema.ts';

export const nicModels = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3', 'pcnet', 'ne2k_pci'] as const;
export const NicModel = oneOf(nicModels, 'what it is; default: as the image says, else virtio');
