/** A virtio-serial channel between guest and host: the guest agent's, or the SPICE agent's. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export const GUEST_AGENT_CHANNEL = 'org.qemu.guest_agent.0';
export const SPICE_CHANNEL = 'com.redhat.spice.0';

export interface Channel extends Node<'channel'> {
  readonly name: string;
  /** The host's end, a unix socket that libvirt makes; absent for SPICE, whose server is the other end. */
  readonly socket?: string;
}

export const channel = (props: Omit<Channel, 'kind'>): Channel => make('channel', props);

export const channelToXml = (node: Channel): XmlElement =>
  element(
    'channel',
    { type: node.socket === undefined ? 'spicevmc' : 'unix' },
    [
      node.socket === undefined ? undefined : element('source', { mode: 'bind', path: node.socket }),
      element('target', { type: 'virtio', name: node.name }),
    ],
    node.origin,
  );
