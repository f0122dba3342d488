/** UEFI: one of the host's firmware files by name, or libvirt's own choice among them. */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Firmware extends Node<'firmware'> {
  /** Absent: libvirt chooses by what is asked. */
  readonly file?: { readonly loader: string; readonly variables?: string };
  /** Where this guest’s variables are kept; absent: libvirt’s own place. */
  readonly variables?: string;
  readonly secure: boolean;
  /** Keeps no variables. */
  readonly stateless: boolean;
}

export const firmware = (props: Omit<Firmware, 'kind'>): Firmware => make('firmware', props);

/** Of the `os` element, where libvirt chooses. */
export const firmwareAttribute = (node: Firmware | undefined): string | undefined =>
  node && !node.file ? 'efi' : undefined;

export function firmwareToXml(node: Firmware): (XmlElement | undefined)[] {
  const { file, secure, stateless, origin } = node;
  if (!file) return chosenByLibvirt(node);
  return [
    element(
      'loader',
      {
        type: 'pflash',
        readonly: 'yes',
        secure: secure ? 'yes' : 'no',
        stateless: stateless ? 'yes' : undefined,
      },
      [file.loader],
      origin,
    ),
    file.variables === undefined
      ? undefined
      : element('nvram', { template: file.variables }, node.variables ? [node.variables] : [], origin),
  ];
}

/** Secure Boot means keys are enrolled: a guest in setup mode would boot anything. */
function chosenByLibvirt({ secure, stateless, origin }: Firmware): (XmlElement | undefined)[] {
  const enabled = secure ? 'yes' : 'no';
  return [
    element(
      'firmware',
      {},
      [
        element('feature', { enabled, name: 'enrolled-keys' }),
        element('feature', { enabled, name: 'secure-boot' }),
      ],
      origin,
    ),
    stateless ? element('loader', { stateless: 'yes' }, [], origin) : undefined,
  ];
}
