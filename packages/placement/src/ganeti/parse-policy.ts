/** The policies: `owner|standard|min;max[;min;max]|templates|vcpu ratio|spindle ratio`; no owner: the cluster's. */
import { diskTemplates, type Policy, type Spec } from './cluster-data.ts';
import { type Line, listOf, quoted } from './fields.ts';

/** @throws GantryError `invalid_cluster_file` */
export function parsePolicy(line: Line): { owner: string; policy: Policy } {
  const ranges = listOf(line.text(2, 'range'), ';').map((text, i) =>
    spec(line, text, `range ${Math.floor(i / 2) + 1} ${i % 2 === 0 ? 'minimum' : 'maximum'}`),
  );
  if (ranges.length === 0 || ranges.length % 2 !== 0)
    throw line.bad(`a range is a minimum and a maximum, and there are ${ranges.length} of them together`);
  const pairs = Array.from({ length: ranges.length / 2 }, (_, i) => ({
    min: ranges[2 * i] as Spec,
    max: ranges[2 * i + 1] as Spec,
  }));
  const templates = line.list(3, 'disk templates');
  for (const template of templates)
    if (!diskTemplates.includes(template)) throw line.bad(`${quoted(template)} is no disk template`);
  const standard = spec(line, line.text(1, 'standard size'), 'standard size');
  const ratios = { vcpuRatio: line.real(4, 'vCPU ratio'), spindleRatio: line.real(5, 'spindle ratio') };
  return { owner: line.text(0, 'owner'), policy: { standard, ranges: pairs, templates, ...ratios } };
}

function spec(line: Line, text: string, what: string): Spec {
  const parts = text.split(',');
  if (parts.length < 6 || parts.some((part) => !/^\d{1,15}$/.test(part)))
    throw line.bad(
      `${what} is ${quoted(text)}, not six numbers: memory, vCPUs, disk size, disks, NICs, spindles`,
    );
  const [memory = 0, vcpus = 0, disk = 0, disks = 0, nics = 0, spindles = 0] = parts.map(Number);
  return { memory, vcpus, disk, disks, nics, spindles };
}
