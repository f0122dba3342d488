/** Why is each element as it is: the origins of a domain as a list, and what libvirt added to it. */
import type { Provenance } from '@gantry/model';
import { domainToXml, type GuestDomain } from './elements/domain.ts';
import type { Origin } from './origin.ts';
import { visit } from './paths.ts';
import { elements, type XmlElement } from './xml/element.ts';
import { writeInline } from './xml/writer.ts';

/** One entry for each element that has an origin of its own; what stands inside it without one belongs to it. */
export function explain(guest: GuestDomain): Provenance[] {
  const found: Provenance[] = [];
  visit(domainToXml(guest), '/domain', (node, path) => {
    if (node.origin) found.push(entry(node, path, node.origin));
  });
  return found;
}

/**
 * Elements of the domain as libvirt shows it that were not asked for, level `libvirt`. Only the topmost of each is
 * named; addresses and aliases are left out, as every device has them.
 */
export function explainAdditions(guest: GuestDomain, defined: XmlElement): Provenance[] {
  const asked = new Set<string>();
  visit(domainToXml(guest), '/domain', (_, path) => asked.add(path));
  const found: Provenance[] = [];
  visit(defined, '/domain', (node, path) => {
    if (asked.has(path)) return true;
    if (!unremarkable.has(node.name)) found.push(entry(node, path, byLibvirt));
    return false;
  });
  return found;
}

const unremarkable = new Set(['address', 'alias', 'seclabel', 'currentMemory']);
const byLibvirt: Origin = { level: 'libvirt', source: 'libvirt', rule: 'libvirt added it to the definition' };

const entry = (node: XmlElement, path: string, by: Origin): Provenance => ({
  path,
  value: writeInline(withoutOwned(node)),
  level: by.level,
  source: by.source,
  rule: by.rule,
});

/** The element without those parts that are explained by themselves. */
function withoutOwned(node: XmlElement): XmlElement {
  const children = node.children
    .filter((c) => typeof c === 'string' || !holdsOrigin(c))
    .map((c) => (typeof c === 'string' ? c : withoutOwned(c)));
  return { name: node.name, attributes: node.attributes, children };
}

const holdsOrigin = (node: XmlElement): boolean =>
  node.origin !== undefined || elements(node).some(holdsOrigin);
