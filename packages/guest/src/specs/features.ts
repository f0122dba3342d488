/** Hypervisor features: hw:pmu, hw:hide_hypervisor_id, what Windows knows of Hyper-V, and the machine’s own. */
import {
  type Features,
  features,
  type Hyperv,
  hyperv,
  hypervFeature,
  ioApic,
  type KvmHidden,
  kvmHidden,
  type Pmu,
  plainFeature,
  pmu,
  smm,
} from '../elements/features.ts';
import { builtin, type Origin, origin } from '../origin.ts';
import type { Wanted } from '../wanted.ts';
import { isX86 } from './machine.ts';
import { agreed, because, booleanOf, type Settings, windowsFrom } from './settings.ts';

export interface Needs {
  readonly smm: boolean;
  readonly ioApic: Origin | undefined;
}

export function featuresFrom(wanted: Wanted, needs: Needs): Features {
  const pmuNode = pmuFrom(wanted.settings);
  const hidden = hiddenFrom(wanted.settings);
  const windows = hypervFrom(wanted, hidden !== undefined);
  return features({
    plain: plainFrom(wanted),
    ...(pmuNode ? { pmu: pmuNode } : {}),
    ...(hidden ? { kvmHidden: hidden } : {}),
    ...(windows ? { hyperv: windows } : {}),
    ...(needs.smm ? { smm: smm({ on: true, origin: forSecureBoot }) } : {}),
    ...(needs.ioApic ? { ioApic: ioApic({ driver: 'qemu', origin: needs.ioApic }) } : {}),
    origin: builtin('features', 'what the machine needs and what the settings ask for'),
  });
}

const forSecureBoot = builtin(
  'os:secure_boot',
  'the firmware keeps its variables from the guest by this mode',
);
const needed = builtin('features', 'an operating system expects it of this machine');
const dump = builtin('features', 'a guest’s kernel can leave a note that makes its memory dump readable');

const withDump = new Set(['x86_64', 'i686', 'aarch64']);

const plainFrom = ({ machine, node, settings }: Wanted) => [
  plainFeature({ name: 'acpi', origin: needed }),
  ...(node.apic && settings.profile.apicArchitectures.includes(machine.architecture)
    ? [plainFeature({ name: 'apic', origin: needed })]
    : []),
  ...(withDump.has(machine.architecture) ? [plainFeature({ name: 'vmcoreinfo', origin: dump })] : []),
];

/** Absent where neither says anything: QEMU decides. */
function pmuFrom(settings: Settings): Pmu | undefined {
  const found = pmuSetting(settings);
  return found && pmu({ on: found.value, origin: because(found, `the ${found.level} decides`).origin });
}

/** @throws GantryError `property_conflict` */
export const pmuSetting = (settings: Settings) => agreed<boolean>(settings, 'hw:pmu', 'hw_pmu');

/** True in either suffices; false never wins. */
function hiddenFrom(settings: Settings): KvmHidden | undefined {
  const found = [
    booleanOf(settings, 'flavor', 'hw:hide_hypervisor_id'),
    booleanOf(settings, 'flavor', 'hide_hypervisor_id'),
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

/** Spinlocks: how often a vCPU tries before it tells the host that it waits. */
const attributes: Readonly<Record<string, Record<string, string>>> = { spinlocks: { retries: '8191' } };

function hypervFrom({ settings, host, machine }: Wanted, hidden: boolean): Hyperv | undefined {
  const system = windowsFrom(settings);
  const { features: names, accelerators } = settings.profile.hyperv;
  if (!system || !accelerators.includes(host.accelerator) || !isX86(machine.architecture)) return undefined;
  const by = because(system, 'Windows runs faster with the interfaces of its own hypervisor').origin;
  const list = names.map((name) => {
    const more = attributes[name];
    return hypervFeature({ name, ...(more ? { with: more } : {}), origin: by });
  });
  const vendor = hypervFeature({
    name: 'vendor_id',
    with: { value: '1234567890ab' },
    origin: origin('image', 'os_type', 'a hidden hypervisor must not name itself here either'),
  });
  return hyperv({ features: hidden ? [...list, vendor] : list, origin: by });
}
