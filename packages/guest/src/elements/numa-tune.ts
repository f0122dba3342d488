/** On which cells of the host the guest's memory lies. https://libvirt.org/formatdomain.html#numa-node-tuning */
import { formatCpuList } from '../numa/cpu-list.ts';
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface NumaTune extends Node<'numa-tune'> {
  /** Cell of the host, by cell of the guest. */
  readonly hostCells: readonly number[];
}

export const numaTune = (props: Omit<NumaTune, 'kind'>): NumaTune => make('numa-tune', props);

/** Strict: a guest whose cell is full does not start, rather than being slow for ever. */
export const numaTuneToXml = ({ hostCells, origin }: NumaTune): XmlElement =>
  element(
    'numatune',
    {},
    [
      element('memory', { mode: 'strict', nodeset: formatCpuList(hostCells) }),
      ...hostCells.map((nodeset, cellid) => element('memnode', { cellid, mode: 'strict', nodeset })),
    ],
    origin,
  );
