/** An emulated TPM (swtpm). https://libvirt.org/formatdomain.html#tpm-device */
import { element, type XmlElement } from '../xml/element.ts';
import { make, type Node } from './node.ts';

export interface Tpm extends Node<'tpm'> {
  readonly model: 'tpm-tis' | 'tpm-crb';
  readonly version: '1.2' | '2.0';
  /** UUID of the libvirt secret that encrypts its state. */
  readonly secret?: string;
}

export const tpm = (props: Omit<Tpm, 'kind'>): Tpm => make('tpm', props);

export const tpmToXml = ({ model, version, secret, origin }: Tpm): XmlElement =>
  element(
    'tpm',
    { model },
    [
      element('backend', { type: 'emulator', version }, [
        secret === undefined ? undefined : element('encryption', { secret }),
      ]),
    ],
    origin,
  );
