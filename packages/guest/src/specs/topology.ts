/**
 * hw:cpu_{sockets,cores,threads} and their maxima. As in Nova (nova/virt/hardware.py): the image's preference replaces
 * the flavor's as a whole, limits of the image may only lower the flavor's, a preference that cannot be met is dropped,
 * and among the possible shapes few threads and many sockets are preferred.
 */
import { type CpuTopology, cpuTopology } from '../elements/cpu.ts';
import { builtin, type Origin, origin } from '../origin.ts';
import { invalid } from '../refusal.ts';
import type { Values } from './read.ts';
import type { Settings } from './settings.ts';

const parts = ['sockets', 'cores', 'threads'] as const;
type Part = (typeof parts)[number];
type Shape = Record<Part, number>;
type Wish = Partial<Shape>;

const NO_LIMIT = 65536;

export function topologyFrom(settings: Settings, vcpus: number): CpuTopology {
  const { flavor, image } = settings;
  const wish = wishOf(flavor, image);
  const chosen = choose(vcpus, wish.wish, limitsOf(flavor, image));
  return cpuTopology({ ...chosen, origin: reason(wish, chosen) });
}

function wishOf(flavor: Values, image: Values): { level: 'flavor' | 'image' | 'builtin'; wish: Wish } {
  const ofImage = collect(image, 'hw_cpu_');
  if (Object.keys(ofImage).length > 0) return { level: 'image', wish: ofImage };
  const limits = limitsOf(flavor, image);
  const wish = collect(flavor, 'hw:cpu_');
  // Limits of the image that leave no room for it discard the flavor’s wish as a whole.
  const ofFlavor = parts.some((part) => (wish[part] ?? 0) > limits[part]) ? {} : wish;
  return { level: Object.keys(ofFlavor).length > 0 ? 'flavor' : 'builtin', wish: ofFlavor };
}

function reason({ level, wish }: ReturnType<typeof wishOf>, chosen: Shape): Origin {
  if (level === 'builtin')
    return builtin('cpu topology', 'one socket per vCPU, unless limits ask for another shape');
  const unmet = parts.filter((part) => wish[part] !== undefined && wish[part] !== chosen[part]);
  const prefix = level === 'image' ? 'hw_cpu_' : 'hw:cpu_';
  const rule = unmet.length
    ? `the number of vCPUs cannot be divided so: ${unmet.join(' and ')} dropped`
    : `as the ${level} prefers`;
  return origin(level, `${prefix}${Object.keys(wish).join(',')}`, rule);
}

const collect = (values: Values, prefix: string): Wish =>
  Object.fromEntries(
    parts.flatMap((part) => {
      const value = values.get(prefix + part)?.value;
      return typeof value === 'number' && value > 0 ? [[part, value]] : [];
    }),
  );

const limitsOf = (flavor: Values, image: Values): Shape => {
  const ofFlavor = collect(flavor, 'hw:cpu_max_');
  const ofImage = collect(image, 'hw_cpu_max_');
  const limit = (part: Part) => ofImage[part] ?? ofFlavor[part] ?? NO_LIMIT;
  return { sockets: limit('sockets'), cores: limit('cores'), threads: limit('threads') };
};

/** The best shape; one socket per vCPU where limits leave none (checkTopology refuses that earlier). */
function choose(vcpus: number, wish: Wish, limits: Shape): Shape {
  const possible = shapes(vcpus).filter((shape) => parts.every((part) => shape[part] <= limits[part]));
  const score = (shape: Shape) => parts.filter((part) => wish[part] === shape[part]).length;
  const better = (a: Shape, b: Shape) =>
    score(b) - score(a) || a.threads - b.threads || b.sockets - a.sockets;
  return possible.sort(better)[0] ?? { sockets: vcpus, cores: 1, threads: 1 };
}

/** All ways to write vcpus as sockets x cores x threads. */
function shapes(vcpus: number): Shape[] {
  const all: Shape[] = [];
  for (const threads of divisors(vcpus))
    for (const cores of divisors(vcpus / threads))
      all.push({ sockets: vcpus / threads / cores, cores, threads });
  return all;
}

const known = new Map<number, readonly number[]>();

function divisors(n: number): readonly number[] {
  let found = known.get(n);
  if (!found) {
    found = Array.from({ length: n }, (_, index) => index + 1).filter((candidate) => n % candidate === 0);
    if (known.size < 1024) known.set(n, found);
  }
  return found;
}

/**
 * Limits of the image against those of the flavor, and against the number of vCPUs.
 * @throws GantryError `invalid_property`
 */
export function checkTopology(flavor: Values, image: Values, vcpus: number): void {
  const limits = limitsOf(flavor, image);
  checkLimits(collect(image, 'hw_cpu_max_'), collect(flavor, 'hw:cpu_max_'));
  checkWishes(collect(image, 'hw_cpu_'), limits);
  const fits = shapes(vcpus).some((shape) => parts.every((part) => shape[part] <= limits[part]));
  if (!fits)
    throw invalid(
      'hw:cpu_max_sockets',
      `${limits.sockets} (cores ${limits.cores}, threads ${limits.threads})`,
      `${vcpus} vCPUs cannot be arranged within these limits`,
      'ImageVCPULimitsRangeImpossible',
    );
}

function checkLimits(image: Wish, flavor: Wish): void {
  for (const part of parts) {
    const limit = image[part] ?? 0;
    const most = flavor[part] ?? NO_LIMIT;
    if (limit > most)
      throw invalid(
        `hw_cpu_max_${part}`,
        String(limit),
        `the flavor allows at most ${most}`,
        'ImageVCPULimitsRangeExceeded',
      );
  }
}

function checkWishes(image: Wish, limits: Shape): void {
  for (const part of parts) {
    const wish = image[part] ?? 0;
    if (wish > limits[part])
      throw invalid(
        `hw_cpu_${part}`,
        String(wish),
        `at most ${limits[part]} are allowed`,
        'ImageVCPUTopologyRangeExceeded',
      );
  }
}
