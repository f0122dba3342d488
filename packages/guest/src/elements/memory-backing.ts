/** What stands behind the guest's memory. https://libvirt.org/formatdomain.html#memory-backing */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

/** Huge pages of one cell of the guest. */
export interface HugePage extends Node<'huge-page'> {
  readonly sizeKiB: number;
  readonly cell: number;
}

export interface MemoryBacking extends Node<'memory-backing'> {
  readonly hugePages: readonly HugePage[];
  /** Never merged with equal pages of other guests. */
  readonly noSharePages: boolean;
  /** Never swapped. */
  readonly locked: boolean;
  /** In files of the node, shared with other processes. */
  readonly fileBacked: boolean;
}

export const memoryBacking = (props: Omit<MemoryBacking, 'kind'>): MemoryBacking =>
  make('memory-backing', props);
export const hugePage = (props: Omit<HugePage, 'kind'>): HugePage => make('huge-page', props);

export function memoryBackingToXml(node: MemoryBacking): XmlElement | undefined {
  const file = node.fileBacked
    ? [
        element('source', { type: 'file' }),
        element('access', { mode: 'shared' }),
        element('allocation', { mode: 'immediate' }),
        element('discard'),
      ]
    : [];
  const children = [
    node.hugePages.length > 0 ? element('hugepages', {}, node.hugePages.map(pageToXml)) : undefined,
    node.noSharePages ? element('nosharepages') : undefined,
    node.locked ? element('locked') : undefined,
    ...file,
  ].filter((child) => child !== undefined);
  return children.length === 0 ? undefined : element('memoryBacking', {}, children, node.origin);
}

const pageToXml = ({ sizeKiB, cell, origin }: HugePage): XmlElement =>
  element('page', { size: sizeKiB, unit: 'KiB', nodeset: cell }, [], origin);
