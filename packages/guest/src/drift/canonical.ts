/**
 * One way of writing for what libvirt and we write differently: sizes in the largest unit that holds them, one `vcpusched` for each virtual CPU,
 * no limits that limit nothing. Identity is judged elsewhere, so `<metadata>` is left out, and `vcpu/@current` says what
 * `<vcpus>` says again.
 */
import { type CpuList, parseCpuList } from '../numa/cpu-list.ts';
import { elements, text, type XmlElement } from '../xml/element.ts';

export function canonical(node: XmlElement): XmlElement {
  const children = node.children.flatMap((child): (string | XmlElement)[] =>
    typeof child === 'string' ? [child.trim()].filter((words) => words !== '') : rewritten(child),
  );
  return inLargestUnit({ ...node, children });
}

const dropped = new Set(['metadata', 'vcpus']);

function rewritten(child: XmlElement): XmlElement[] {
  if (dropped.has(child.name)) return [];
  const node = canonical(child);
  if (node.name === 'iotune') return withoutZeros(node);
  return node.name === 'vcpusched' ? eachCpu(node) : [node];
}

/** A limit of 0 is none. */
function withoutZeros(iotune: XmlElement): XmlElement[] {
  const children = elements(iotune).filter((limit) => text(limit) !== '0');
  return children.length === 0 ? [] : [{ ...iotune, children }];
}

function eachCpu(sched: XmlElement): XmlElement[] {
  const cpus: CpuList = parseCpuList(sched.attributes['vcpus'] ?? '');
  return [...cpus].map((cpu) => ({
    ...sched,
    attributes: { ...sched.attributes, vcpus: String(cpu) },
  }));
}

/** libvirt's units, in bytes. */
const units: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  k: 2 ** 10,
  KiB: 2 ** 10,
  M: 2 ** 20,
  MiB: 2 ** 20,
  G: 2 ** 30,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Of an element whose text is a size. */
export const sizeBytes = (node: XmlElement): number =>
  Number(text(node)) * (units[node.attributes['unit'] ?? 'KiB'] ?? Number.NaN);

/** The size of an element with a unit is its text, or its attribute `memory` or `size`. */
function inLargestUnit(node: XmlElement): XmlElement {
  const factor = units[node.attributes['unit'] ?? ''];
  const sizes = [node.attributes['memory'], node.attributes['size'], text(node)].filter((size) => size);
  if (factor === undefined || sizes.length !== 1) return node;
  const bytes = Number(sizes[0]) * factor;
  const unit = (['GiB', 'MiB', 'KiB'] as const).find((name) => bytes % (units[name] ?? 1) === 0) ?? 'bytes';
  const size = String(bytes / (units[unit] ?? 1));
  const attributes: Record<string, string> = { ...node.attributes, unit };
  for (const key of ['memory', 'size']) if (attributes[key] !== undefined) attributes[key] = size;
  return { ...node, attributes, children: node.children.map((c) => (typeof c === 'string' ? size : c)) };
}
