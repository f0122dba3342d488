/** The graphics card. https://libvirt.org/formatdomain.html#video-devices */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';
import { virtioDriver, type WithVirtio } from './virtio.ts';

export const videoModels = ['virtio', 'vga', 'cirrus', 'qxl', 'bochs', 'vmvga', 'none'] as const;
export type VideoModel = (typeof videoModels)[number];

export interface Video extends Node<'video'>, WithVirtio {
  readonly model: VideoModel;
  readonly memoryKiB?: number;
}

export const video = (props: Omit<Video, 'kind'>): Video => make('video', props);

export const videoToXml = (node: Video): XmlElement =>
  element(
    'video',
    {},
    [element('model', { type: node.model, vram: node.memoryKiB }), virtioDriver(node)],
    node.origin,
  );
