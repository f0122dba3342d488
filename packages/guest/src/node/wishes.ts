/** What flavor and image ask of a node by name: its kind, traits, resources. */
import type { NodeFacts, Rejection } from '@gantry/model';
import { passesImageFilter, type SupportedInstance } from '../image-filter.ts';
import type { PlacementRequest } from '../placement-request.ts';
import type { Settings } from '../specs/settings.ts';
import type { NodeOffer } from './node-offer.ts';
import { traitsOf } from './traits.ts';

export function imageKind(
  { image }: Settings,
  { architecture, accelerator, qemuVersion }: NodeFacts,
): Rejection[] {
  const supported = [
    [architecture, 'qemu', 'hvm'],
    ...(accelerator.kvm ? [[architecture, 'kvm', 'hvm']] : []),
  ] as unknown as readonly SupportedInstance[];
  const [major = 0, minor = 0, micro = 0] = (qemuVersion ?? '').split('.').map(Number);
  const host = { supported, hypervisorVersion: major * 1_000_000 + minor * 1000 + micro };
  // With the node’s architecture as default a version is looked at even where the image says nothing else.
  if (passesImageFilter(image, host, architecture)) return [];
  const has = supported.map((triple) => triple.join('/')).join(' and ');
  return [
    {
      test: 'image-kind',
      message: `it runs ${has} with QEMU ${qemuVersion ?? '?'}, the image needs another`,
    },
  ];
}

export function traits(
  { requiredTraits, forbiddenTraits }: PlacementRequest,
  settings: Settings,
  { facts, host }: NodeOffer,
): Rejection[] {
  const counts = (trait: string) => !toldElsewhere(trait, settings);
  const required = requiredTraits.filter(counts);
  const forbidden = forbiddenTraits.filter(counts);
  if (required.length === 0 && forbidden.length === 0) return [];
  const has = traitsOf(facts, host);
  return [
    ...required
      .filter((trait) => !has.has(trait))
      .map((trait) => ({ test: 'traits', message: `no trait ${trait}` })),
    ...forbidden
      .filter((trait) => has.has(trait))
      .map((trait) => ({ test: 'traits', message: `has trait ${trait}` })),
  ];
}

/**
 * What thread policies mean the fit of the cells tells; TPM, Secure Boot and architecture have tests with words of
 * their own, unless flavor or image name the trait itself.
 */
function toldElsewhere(trait: string, { flavor, image }: Settings): boolean {
  if (trait === 'HW_CPU_HYPERTHREADING') return true;
  const named = [...flavor.keys(), ...image.keys()].some(
    (key) => key.startsWith('trait') && key.endsWith(`:${trait}`),
  );
  return !named && /^(COMPUTE_SECURITY_|HW_ARCH_)/.test(trait);
}

/** What flavors ask for by `resources:`; what they need anyway is tested in numbers of its own. */
export function resources({ flavor }: Settings, { host, bound, free }: NodeOffer): Rejection[] {
  const asked = amounts([...flavor].map(([key, { value }]) => [key, Number(value)] as const));
  return [...asked].flatMap(([name, needed]) => {
    const taken = bound.map(({ extraSpecs }) => amountsOf(extraSpecs).get(name));
    // Pinned CPUs are counted by the cells that they are in.
    if (name === 'PCPU') return [];
    const total = host.resources?.[name];
    const available =
      name in free ? (free[name] ?? 0) : (total ?? 0) - sum(taken.map((amount) => amount ?? 0));
    if (needed <= available) return [];
    return [
      {
        test: 'resources',
        message: `${name}: short by ${needed - available}`,
        needed,
        available,
        unit: name,
      },
    ];
  });
}

export const amountsOf = (extraSpecs: Readonly<Record<string, string>>): Map<string, number> =>
  amounts(Object.entries(extraSpecs).map(([key, value]) => [key, Number(value)] as const));

function amounts(pairs: readonly (readonly [string, number])[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [key, amount] of pairs) {
    const name = /^resources[\w-]*:(.+)$/.exec(key)?.[1];
    if (name !== undefined) found.set(name, (found.get(name) ?? 0) + amount);
  }
  return found;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
