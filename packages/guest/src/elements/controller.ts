/** A bus controller. libvirt adds those that devices need; only what must differ from its choice is written. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Controller extends Node<'controller'> {
  readonly type: 'usb' | 'scsi';
  readonly index: number;
  /** `none` switches a controller off that libvirt would add. */
  readonly model?: string;
}

export const controller = (props: Omit<Controller, 'kind'>): Controller => make('controller', props);

export const controllerToXml = ({ type, index, model, origin }: Controller): XmlElement =>
  element('controller', { type, index, model }, [], origin);
