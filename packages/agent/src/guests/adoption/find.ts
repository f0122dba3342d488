/** A domain by whatever it is called, ours or not, and its definition. */
import { createHash } from 'node:crypto';
import { type DomainFacts, parseXml, readDomain, unmarkedText, type XmlElement } from '@gantry/guest';
import { type Domain, virDomainXMLFlags as Flags, isNotFound, type LibvirtClient } from '@gantry/libvirt';
import { isUuid } from '@gantry/model';
import { type StateName, stateName } from '../libvirt-names.ts';

export interface AnyDomain {
  dom: Domain;
  state: StateName;
  facts: DomainFacts;
  /** As it is now, and as libvirt would start it. */
  present: XmlElement;
  definition: XmlElement;
}

export async function findDomain(lv: LibvirtClient, ref: string): Promise<AnyDomain | undefined> {
  const dom =
    (isUuid(ref) ? await lv.domainLookupByUuid({ uuid: ref }).catch(unlessMissing) : undefined) ??
    (await lv.domainLookupByName({ name: ref }).catch(unlessMissing));
  if (!dom) return undefined;
  const [xml, defined, numbers] = await Promise.all([
    lv.domainGetXmlDesc({ dom }),
    lv.domainGetXmlDesc({ dom, flags: Flags.VIR_DOMAIN_XML_INACTIVE }),
    lv.domainGetState({ dom }),
  ]);
  const present = parseXml(xml);
  const definition = parseXml(defined);
  return { dom, state: stateName(numbers).state, facts: readDomain(present), present, definition };
}

/** Of the definition: a display’s password is part of it. */
export const WITH_SECRETS = Flags.VIR_DOMAIN_XML_INACTIVE | Flags.VIR_DOMAIN_XML_SECURE;

export const digestOf = (definition: XmlElement): string =>
  createHash('sha256').update(unmarkedText(definition)).digest('hex');

function unlessMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
