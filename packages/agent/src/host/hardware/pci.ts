/** PCI functions of the node, from sysfs. Bridges are not for guests. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { matches, PciAddress, type PciFunction } from '@gantry/model';

const BRIDGES = '0x06';

export async function readPciFunctions(root = '/sys/bus/pci/devices'): Promise<PciFunction[]> {
  const names = await readdir(root).catch(() => []);
  const found = await Promise.all(names.toSorted().map((name) => readOne(root, name)));
  return found.flat();
}

async function readOne(root: string, address: string): Promise<PciFunction[]> {
  const file = async (name: string) =>
    (await readFile(join(root, address, name), 'utf8').catch(() => '')).trim();
  const [vendor, product, kind, cell, group] = await Promise.all([
    file('vendor'),
    file('device'),
    file('class'),
    file('numa_node'),
    readlink(join(root, address, 'iommu_group')).catch(() => undefined),
  ]);
  const ids = [vendor, product].map((id) => /^0x([0-9a-f]{4})$/.exec(id)?.[1]);
  const [vendorId, productId] = ids;
  if (!matches(PciAddress, address) || vendorId === undefined || productId === undefined) return [];
  if (kind.startsWith(BRIDGES)) return [];
  return [
    {
      address,
      vendor: vendorId,
      product: productId,
      ...(/^\d+$/.test(cell) ? { cell: Number(cell) } : {}),
      ...(group === undefined ? {} : { iommuGroup: Number(basename(group)) }),
    },
  ];
}
