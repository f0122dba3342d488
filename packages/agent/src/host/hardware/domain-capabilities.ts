/** What libvirt says that a domain may ask for: models, buses, TPM, firmware, encryption. */
import { child, descend, elements, parseXml, text, type XmlElement } from '@gantry/guest';
import type { CpuDefinition } from '@gantry/model';
import { readCpu } from './cpu-definition.ts';

export interface DomainCapabilities {
  /** CPU models by name, usable as they are or not. */
  cpuModels: string[];
  /** The nearest model and its differences; absent: libvirt knows none. */
  hostModel?: CpuDefinition;
  diskBuses: string[];
  videoModels: string[];
  /** Emulated TPMs. */
  tpm: { versions: string[]; models: string[] };
  /** libvirt can require Secure Boot of a loader. */
  secureLoader: boolean;
  sev?: { cbitPosition: number; reducedPhysBits: number };
}

/** @throws GantryError `invalid_argument` when it is no XML */
export function parseDomainCapabilities(xml: string): DomainCapabilities {
  const root = parseXml(xml, { size: 16 * 2 ** 20 });
  const devices = child(root, 'devices');
  const hostModel = readCpu(mode(child(root, 'cpu'), 'host-model'));
  const sev = sevOf(descend(root, 'features', 'sev'));
  const loader = descend(root, 'os', 'loader');
  return {
    cpuModels: elements(mode(child(root, 'cpu'), 'custom'), 'model').flatMap((model) => text(model) ?? []),
    ...(hostModel ? { hostModel } : {}),
    diskBuses: valuesOf(child(devices, 'disk'), 'bus'),
    videoModels: valuesOf(child(devices, 'video'), 'modelType'),
    tpm: tpmOf(child(devices, 'tpm')),
    secureLoader: valuesOf(loader, 'secure').includes('yes'),
    ...(sev ? { sev } : {}),
  };
}

const supported = (part: XmlElement | undefined): boolean => part?.attributes['supported'] === 'yes';

const valuesOf = (part: XmlElement | undefined, name: string): string[] =>
  supported(part)
    ? elements(
        elements(part, 'enum').find((list) => list.attributes['name'] === name),
        'value',
      ).flatMap((value) => text(value) ?? [])
    : [];

const mode = (cpu: XmlElement | undefined, name: string): XmlElement | undefined =>
  elements(cpu, 'mode').find((found) => found.attributes['name'] === name && supported(found));

/** Where swtpm is missing libvirt names no emulator. Versions are told since libvirt 8.6. */
function tpmOf(tpm: XmlElement | undefined): DomainCapabilities['tpm'] {
  if (!valuesOf(tpm, 'backendModel').includes('emulator')) return { versions: [], models: [] };
  const versions = valuesOf(tpm, 'backendVersion');
  return { versions: versions.length > 0 ? versions : ['2.0'], models: valuesOf(tpm, 'model') };
}

function sevOf(sev: XmlElement | undefined): DomainCapabilities['sev'] {
  if (!supported(sev)) return undefined;
  const value = (name: string) => Number(text(child(sev, name)) ?? 0);
  return { cbitPosition: value('cbitpos'), reducedPhysBits: value('reducedPhysBits') };
}
