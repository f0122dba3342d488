/** Why is each element as it is: the origins of a domain as a list, and what libvirt added to it. */
import type { Provenance } from '@gantry/model';
import { domainToXml, type GuestDomain } from './elements/domain.ts';
import type { Origin } from './origin.ts';
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

/** Parents first; a visitor that returns false keeps the walk out of the children. */
function visit(node: XmlElement, path: string, on: (node: XmlElement, path: string) => unknown): void {
  if (on(node, path) === false) return;
  const count = new Map<string, number>();
  for (const child of elements(node)) {
    const step = stepOf(child, count);
    visit(child, `${path}/${step}`, on);
  }
}

/** What tells an element from others of its name, so that order does not matter. */
const keys: Record<string, (node: XmlElement) => string | undefined> = {
  disk: (node) => elements(node, 'target')[0]?.attributes['dev'],
  interface: (node) => elements(node, 'mac')[0]?.attributes['address'],
  controller: ({ attributes }) => `${attributes['type']}${attributes['index']}`,
  channel: (node) => elements(node, 'target')[0]?.attributes['name'],
  timer: (node) => node.attributes['name'],
  feature: (node) => node.attributes['name'],
  input: ({ attributes }) => `${attributes['type']}-${attributes['bus']}`,
};

/** `timer[hpet]`, `serial`, `serial[2]`. */
function stepOf(node: XmlElement, count: Map<string, number>): string {
  const key = keys[node.name]?.(node);
  if (key !== undefined) return `${node.name}[${key}]`;
  const nth = (count.get(node.name) ?? 0) + 1;
  count.set(node.name, nth);
  return nth === 1 ? node.name : `${node.name}[${nth}]`;
}
