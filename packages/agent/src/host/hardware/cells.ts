/** NUMA cells from libvirt's capabilities. */
import { child, descend, elements, parseCpuList, text, type XmlElement } from '@gantry/guest';
import type { NodeCell } from '@gantry/model';

/** @param capabilities root of connectGetCapabilities; empty where libvirt tells no topology */
export function cellsOf(capabilities: XmlElement): NodeCell[] {
  return elements(descend(capabilities, 'host', 'topology', 'cells'), 'cell').map((cell) => ({
    id: numberOf(cell.attributes['id']),
    memoryMiB: Math.floor(numberOf(text(child(cell, 'memory'))) / 1024),
    cores: coresOf(cell),
    pages: elements(cell, 'pages')
      .map((pool) => ({ sizeKiB: numberOf(pool.attributes['size']), total: numberOf(text(pool)) }))
      .filter(({ sizeKiB }) => sizeKiB > 0)
      .toSorted((a, b) => a.sizeKiB - b.sizeKiB),
    distances: elements(child(cell, 'distances'), 'sibling').map(({ attributes }) => ({
      cell: numberOf(attributes['id']),
      value: numberOf(attributes['value']),
    })),
  }));
}

/** Each core once. A CPU that is offline has no siblings, and guests cannot use it. */
function coresOf(cell: XmlElement): number[][] {
  const cores = new Map<string, number[]>();
  for (const { attributes } of elements(child(cell, 'cpus'), 'cpu')) {
    const { siblings } = attributes;
    if (siblings !== undefined) cores.set(siblings, [...parseCpuList(siblings)]);
  }
  return [...cores.values()].toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
}

/**
 * The kernel counts memory that was added after boot in no cell; where there is one cell it is all in that.
 * @param totalMiB of the machine
 */
export const wholeMemory = (cells: NodeCell[], totalMiB: number): NodeCell[] =>
  cells.length === 1
    ? cells.map((cell) => ({ ...cell, memoryMiB: Math.max(cell.memoryMiB, totalMiB) }))
    : cells;

const numberOf = (digits: string | undefined): number =>
  digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
