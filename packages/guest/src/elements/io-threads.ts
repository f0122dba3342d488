/** Threads of QEMU that serve disks. https://libvirt.org/formatdomain.html#iothreads-allocation */
import { textElement, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface IoThreads extends Node<'io-threads'> {
  /** Numbered from 1. */
  readonly count: number;
}

export const ioThreads = (props: Omit<IoThreads, 'kind'>): IoThreads => make('io-threads', props);

export const ioThreadsToXml = ({ count, origin }: IoThreads): XmlElement =>
  textElement('iothreads', count, origin);
