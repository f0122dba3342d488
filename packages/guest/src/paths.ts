/** Names of elements within a domain: `/domain/devices/disk[vda]/driver`. The order of the XML does not matter to them. */
import { elements, type XmlElement } from './xml/element.ts';

type KeyOf = (node: XmlElement) => string | undefined;

/** What tells an element from others of its name. */
const keys: Record<string, KeyOf> = {
  disk: (node) => elements(node, 'target')[0]?.attributes['dev'],
  interface: (node) => elements(node, 'mac')[0]?.attributes['address'],
  channel: (node) => elements(node, 'target')[0]?.attributes['name'],
  timer: (node) => node.attributes['name'],
  feature: (node) => node.attributes['name'],
  input: ({ attributes }) => `${attributes['type']}-${attributes['bus']}`,
  vcpupin: (node) => node.attributes['vcpu'],
  vcpusched: (node) => node.attributes['vcpus'],
  cell: (node) => node.attributes['id'],
};

/** Child elements by their step: `timer[hpet]`, `serial`, `serial[2]`, `controller[scsi0]`. */
export function steps(parent: XmlElement | undefined): Map<string, XmlElement> {
  const count = new Map<string, number>();
  const found = new Map<string, XmlElement>();
  for (const node of elements(parent)) found.set(stepOf(node, count), node);
  return found;
}

function stepOf(node: XmlElement, count: Map<string, number>): string {
  const next = (bucket: string) => {
    const nth = (count.get(bucket) ?? 0) + 1;
    count.set(bucket, nth);
    return nth;
  };
  if (node.name === 'controller') {
    const { type = '', index } = node.attributes;
    const nth = next(`controller ${type}`);
    return `controller[${type}${index ?? nth - 1}]`;
  }
  const key = keys[node.name]?.(node);
  if (key !== undefined) return `${node.name}[${key}]`;
  const nth = next(node.name);
  return nth === 1 ? node.name : `${node.name}[${nth}]`;
}

/** Parents first; a visitor that returns false keeps the walk out of the children. */
export function visit(node: XmlElement, path: string, on: (node: XmlElement, path: string) => unknown): void {
  if (on(node, path) === false) return;
  for (const [step, child] of steps(node)) visit(child, `${path}/${step}`, on);
}
