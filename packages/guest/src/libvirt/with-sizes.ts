/** The XML that a guest was defined with, as it would be with the size that it was given since. */
import { element, text, type XmlElement } from '../xml/element.ts';
import { parseXml } from '../xml/parser.ts';
import { writeXml } from '../xml/writer.ts';

/** Of a guest with room for it: what it has is another, what its QEMU was started with stays. */
export function withSizes(asked: string, size: { vcpus?: number; memoryMiB?: number }): string {
  const root = parseXml(asked);
  const children = root.children.flatMap((child): (string | XmlElement)[] =>
    typeof child === 'string' ? [child] : sized(child, size),
  );
  return writeXml({ ...root, children });
}

function sized(node: XmlElement, { vcpus, memoryMiB }: Parameters<typeof withSizes>[1]): XmlElement[] {
  if (node.name === 'vcpu' && vcpus !== undefined) {
    const { current: _, ...attributes } = node.attributes;
    const all = text(node) === String(vcpus);
    return [{ ...node, attributes: all ? attributes : { ...attributes, current: String(vcpus) } }];
  }
  if (memoryMiB === undefined) return [node];
  if (node.name === 'currentMemory') return [];
  if (node.name !== 'memory' || text(node) === String(memoryMiB)) return [node];
  return [node, element('currentMemory', { unit: 'MiB' }, [String(memoryMiB)])];
}
