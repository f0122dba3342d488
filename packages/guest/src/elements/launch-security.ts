/** Encrypted guest memory: AMD SEV. https://libvirt.org/formatdomain.html#launch-security */
import { element, textElement, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface LaunchSecurity extends Node<'launch-security'> {
  /** Where in an address the encryption bit is, and how many bits of it encryption takes. */
  readonly cbitPosition: number;
  readonly reducedPhysBits: number;
}

/** No debugging, no key sharing, only SEV's own domain: AMD SEV API 0.22, table 2. */
const POLICY = '0x0033';

export const launchSecurity = (props: Omit<LaunchSecurity, 'kind'>): LaunchSecurity =>
  make('launch-security', props);

export const launchSecurityToXml = (node: LaunchSecurity): XmlElement =>
  element(
    'launchSecurity',
    { type: 'sev' },
    [
      textElement('policy', POLICY),
      textElement('cbitpos', node.cbitPosition),
      textElement('reducedPhysBits', node.reducedPhysBits),
    ],
    node.origin,
  );
