/** Hypervisor features: hw:pmu, hw:hide_hypervisor_id, what Windows knows of Hyper-V, and the machine's own. */
import { err } from '@gantry/model';
import {
  type Features,
  features,
  type Hyperv,
  hyperv,
  hypervFeature,
  type KvmHidden,
  kvmHidden,
  type Pmu,
  plainFeature,
  pmu,
} from '../elements/features.ts';
import { builtin, origin } from '../origin.ts';
import type { Accelerator } from '../profiles.ts';
import type { Values } from './read.ts';
import { because, booleanOf, type Settings, windowsFrom } from './settings.ts';

export interface Machine {
  readonly architecture: string;
  readonly accelerator: Accelerator;
}

export function featuresFrom(settings: Settings, machine: Machine): Features {
  const pmuNode = pmuFrom(settings);
  const hidden = hiddenFrom(settings);
  const windows = hypervFrom(settings, machine, hidden !== undefined);
  return features({
    plain: plainFrom(machine),
    ...(pmuNode ? { pmu: pmuNode } : {}),
    ...(hidden ? { kvmHidden: hidden } : {}),
    ...(windows ? { hyperv: windows } : {}),
    origin: builtin('features', 'what the machine needs and what the settings ask for'),
  });
}

const needed = builtin('features', 'an operating system expects it of this machine');
const dump = builtin('features', 'a guest’s kernel can leave a note that makes its memory dump readable');

const plainFrom = ({ architecture }: Machine) => [
  plainFeature({ name: 'acpi', origin: needed }),
  ...(architecture === 'x86_64' ? [plainFeature({ name: 'apic', origin: needed })] : []),
  plainFeature({ name: 'vmcoreinfo', origin: dump }),
];

/** Absent where neither says anything: QEMU decides. checkPmu has seen to it that both agree. */
function pmuFrom(settings: Settings): Pmu | undefined {
  const found = booleanOf(settings, 'flavor', 'hw:pmu') ?? booleanOf(settings, 'image', 'hw_pmu');
  return found && pmu({ on: found.value, origin: because(found, `the ${found.level} decides`).origin });
}

/** @throws GantryError `property_conflict` */
export function checkPmu(flavor: Values, image: Values): void {
  const ofFlavor = flavor.get('hw:pmu')?.value;
  const ofImage = image.get('hw_pmu')?.value;
  if (ofFlavor !== undefined && ofImage !== undefined && ofFlavor !== ofImage)
    throw err('property_conflict', { key: 'hw:pmu', flavor: String(ofFlavor), image: String(ofImage) });
}

/** True in either suffices; false never wins. */
function hiddenFrom(settings: Settings): KvmHidden | undefined {
  const found = [
    booleanOf(settings, 'flavor', 'hw:hide_hypervisor_id'),
    booleanOf(settings, 'image', 'img_hide_hypervisor_id'),
  ].find((setting) => setting?.value === true);
  return (
    found &&
    kvmHidden({
      hidden: true,
      origin: because(found, `the ${found.level} asks for it, which suffices`).origin,
    })
  );
}

/** Those that every host with KVM of the last years has; evmcs and reenlightenment are left out, as AMD hosts lack them. */
const enlightenments: readonly [name: string, attributes?: Record<string, string>][] = [
  ['relaxed'],
  ['vapic'],
  ['spinlocks', { retries: '8191' }],
  ['vpindex'],
  ['runtime'],
  ['synic'],
  ['reset'],
  ['frequencies'],
  ['tlbflush'],
  ['ipi'],
];

function hypervFrom(settings: Settings, machine: Machine, hidden: boolean): Hyperv | undefined {
  const system = windowsFrom(settings);
  if (!system || machine.accelerator !== 'kvm' || machine.architecture !== 'x86_64') return undefined;
  const by = because(system, 'Windows runs faster with the interfaces of its own hypervisor').origin;
  const list = enlightenments.map(([name, attributes]) =>
    hypervFeature({ name, ...(attributes ? { with: attributes } : {}), origin: by }),
  );
  const vendor = hypervFeature({
    name: 'vendor_id',
    with: { value: '1234567890ab' },
    origin: origin('image', 'os_type', 'a hidden hypervisor must not name itself here either'),
  });
  return hyperv({ features: hidden ? [...list, vendor] : list, origin: by });
}
