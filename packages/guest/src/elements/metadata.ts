/**
 * Whose guest a domain is: cluster, instance, epoch and name, in libvirt's `<metadata>`. The domain itself is the
 * record: what has no such element is foreign.
 */
import { type Epoch, isUuid } from '@gantry/model';
import { child, element, elements, text, textElement, type XmlElement } from '../xml/element.ts';
import { writeInline } from '../xml/writer.ts';
import { make, type Node } from './node.ts';

export const METADATA_NAMESPACE = 'https://gantry.invalid/xmlns/guest/1';

/** What the element says. */
export interface Identity {
  readonly cluster: string;
  readonly instance: string;
  readonly epoch: Epoch;
  readonly name: string;
  /** It was imported: its definition is its own, and Gantry writes none. */
  readonly kept?: { readonly autostart: boolean };
  /** Operation of a start that is not as all others: what boots then. */
  readonly bootOnce?: string;
}

export interface Metadata extends Node<'metadata'>, Identity {}

export const metadata = (props: Omit<Metadata, 'kind'>): Metadata => make('metadata', props);

export const metadataToXml = (node: Metadata): XmlElement =>
  element(
    'metadata',
    {},
    [
      element('gantry:guest', { 'xmlns:gantry': METADATA_NAMESPACE }, [
        textElement('gantry:cluster', node.cluster),
        textElement('gantry:instance', node.instance),
        element('gantry:epoch', { incarnation: node.epoch.incarnation, number: node.epoch.number }),
        textElement('gantry:name', node.name),
        node.kept && element('gantry:kept', { autostart: onOff(node.kept) }),
        node.bootOnce === undefined ? undefined : textElement('gantry:boot-once', node.bootOnce),
      ]),
    ],
    node.origin,
  );

const onOff = ({ autostart }: { autostart: boolean }): string => (autostart ? 'on' : 'off');

/** Prefix of the element where libvirt writes it. */
export const MARK_KEY = 'gantry';

/** The element for a domain that is not defined by us: libvirt gives it the namespace and `MARK_KEY`. */
export const markText = ({ cluster, instance, epoch, name, kept }: Identity): string =>
  writeInline(
    element('guest', {}, [
      textElement('cluster', cluster),
      textElement('instance', instance),
      element('epoch', { incarnation: epoch.incarnation, number: epoch.number }),
      textElement('name', name),
      kept && element('kept', { autostart: onOff(kept) }),
    ]),
  );

/**
 * The identity in a `<metadata>` element, whatever prefix it uses; undefined when there is none or it is incomplete:
 * such a domain is foreign, and foreign domains are left alone.
 */
export function readIdentity(metadataElement: XmlElement | undefined): Identity | undefined {
  for (const candidate of elements(metadataElement)) {
    const [prefix, local] = splitName(candidate.name);
    const declaration = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
    if (local === 'guest' && candidate.attributes[declaration] === METADATA_NAMESPACE)
      return readGuest(candidate, prefix === '' ? '' : `${prefix}:`);
  }
  return undefined;
}

function readGuest(guest: XmlElement, prefix: string): Identity | undefined {
  const cluster = text(child(guest, `${prefix}cluster`));
  const instance = text(child(guest, `${prefix}instance`));
  const epoch = child(guest, `${prefix}epoch`)?.attributes;
  const incarnation = wholeNumber(epoch?.['incarnation']);
  const number = wholeNumber(epoch?.['number']);
  if (!cluster || !instance || !isUuid(cluster) || !isUuid(instance)) return undefined;
  if (incarnation === undefined || number === undefined) return undefined;
  const kept = child(guest, `${prefix}kept`)?.attributes;
  const bootOnce = text(child(guest, `${prefix}boot-once`));
  return {
    cluster,
    instance,
    epoch: { incarnation, number },
    name: text(child(guest, `${prefix}name`)) ?? '',
    ...(kept ? { kept: { autostart: kept['autostart'] === 'on' } } : {}),
    ...(bootOnce && isUuid(bootOnce) ? { bootOnce } : {}),
  };
}

const splitName = (name: string): [prefix: string, local: string] => {
  const colon = name.indexOf(':');
  return colon < 0 ? ['', name] : [name.slice(0, colon), name.slice(colon + 1)];
};

function wholeNumber(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^\d{1,16}$/.test(digits)) return undefined;
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : undefined;
}
