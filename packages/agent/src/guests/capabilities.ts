/** What libvirt says about the node: QEMU's binary and machine types, and the user that QEMU runs as. */
import { child, elements, parseXml, text, type XmlElement } from '@gantry/guest';
import { err } from '@gantry/model';

export interface Capabilities {
  architecture: string;
  emulator: string;
  /** Names and aliases. */
  machineTypes: string[];
  /** QEMU could use KVM when libvirt examined it. */
  kvm: boolean;
  /** Versioned names by their short ones. */
  machineAliases: Record<string, string>;
  /** Owner of what QEMU makes. */
  qemu: { uid: number; gid: number };
}

/**
 * From the XML of libvirt's connectGetCapabilities.
 * @throws GantryError `host_unfit` when there is no QEMU for the node's own architecture
 */
export function parseCapabilities(xml: string): Capabilities {
  const root = parseXml(xml, { size: 64 * 2 ** 20 });
  const host = child(root, 'host');
  const architecture = text(child(child(host, 'cpu'), 'arch')) ?? '';
  const arch = elements(root, 'guest')
    .filter((guest) => text(child(guest, 'os_type')) === 'hvm')
    .map((guest) => child(guest, 'arch'))
    .find((found) => found?.attributes['name'] === architecture);
  const emulator = text(child(arch, 'emulator'));
  if (!emulator)
    throw err('host_unfit', {
      why: `libvirt finds no QEMU for ${architecture || 'this machine'}`,
      remedy: 'Install qemu-system-x86 (or the package for this architecture) and restart libvirt.',
    });
  const kvm = elements(arch, 'domain').some(({ attributes }) => attributes['type'] === 'kvm');
  return {
    architecture,
    emulator,
    machineTypes: machineTypes(arch),
    kvm,
    machineAliases: machineAliases(arch),
    qemu: qemuUser(host),
  };
}

const machineTypes = (arch: XmlElement | undefined): string[] =>
  [
    ...new Set(
      elements(arch, 'machine').flatMap((machine) => [
        text(machine) ?? '',
        machine.attributes['canonical'] ?? '',
      ]),
    ).values(),
  ].filter((name) => name !== '');

const machineAliases = (arch: XmlElement | undefined): Record<string, string> =>
  Object.fromEntries(
    elements(arch, 'machine').flatMap((machine) => {
      const [name, canonical] = [text(machine), machine.attributes['canonical']];
      return name !== undefined && canonical !== undefined ? [[name, canonical]] : [];
    }),
  );

/** The DAC driver's label of guests is `+UID:+GID`; without the driver QEMU runs as libvirtd does. */
function qemuUser(host: XmlElement | undefined): Capabilities['qemu'] {
  const dac = elements(host, 'secmodel').find((model) => text(child(model, 'model')) === 'dac');
  const label = /^\+?(\d+):\+?(\d+)$/.exec(text(child(dac, 'baselabel')) ?? '');
  return { uid: Number(label?.[1] ?? 0), gid: Number(label?.[2] ?? 0) };
}
