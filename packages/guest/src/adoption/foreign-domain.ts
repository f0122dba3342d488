/** A domain that somebody else made, read from its XML: what is counted and claimed, and what no setting says. Pure. */
import type { KeptDisk, KeptNic, KeptPart, WaitingChange } from '@gantry/model';
import { canonical, sizeBytes } from '../drift/canonical.ts';
import { compare, type Found } from '../drift/compare.ts';
import { type Identity, METADATA_NAMESPACE, metadata, metadataToXml } from '../elements/metadata.ts';
import { builtin } from '../origin.ts';
import { steps } from '../paths.ts';
import { child, element, elements, text, type XmlElement } from '../xml/element.ts';
import { writeInline } from '../xml/writer.ts';
import { verdictOn } from './said-by-settings.ts';

export interface ForeignHardware {
  vcpus: number;
  memoryMiB: number;
  disks: KeptDisk[];
  nics: KeptNic[];
  pciDevices: string[];
  kept: KeptPart[];
  /** Why it cannot be imported, as far as its XML says. */
  obstacles: string[];
}

/** What would not be shown whole is named as the rest. */
const MOST_PARTS = 199;
const VALUE_CHARS = 200;

/** @param definition what libvirt starts it with (`VIR_DOMAIN_XML_INACTIVE`) */
export function readForeign(definition: XmlElement): ForeignHardware {
  const devices = child(definition, 'devices');
  const disks = elements(devices, 'disk').map(diskOf);
  const nics = elements(devices, 'interface').flatMap(nicOf);
  return {
    vcpus: Number(text(child(definition, 'vcpu')) ?? 1),
    memoryMiB: Math.ceil(sizeBytes(child(definition, 'memory') ?? definition) / 2 ** 20),
    disks,
    nics,
    pciDevices: elements(devices, 'hostdev').flatMap(pciOf),
    kept: atMost(keptIn(definition, '/domain')),
    obstacles: obstaclesIn(definition),
  };
}

/** What no setting says, in the order of the XML. */
function keptIn(parent: XmlElement, path: string): KeptPart[] {
  return [...steps(parent)].flatMap(([step, node]) => {
    const at = `${path}/${step}`;
    const verdict = verdictOn(node, parent.name);
    if (verdict === 'said') return [];
    if (verdict === 'within') return keptIn(node, at);
    return [{ path: shown(at), value: shown(writeInline(node)), why: shown(verdict.why) }];
  });
}

function atMost(parts: KeptPart[]): KeptPart[] {
  if (parts.length <= MOST_PARTS) return parts;
  const left = parts.length - MOST_PARTS;
  const rest = { path: '/domain', value: `${left} more`, why: 'too many to be told one by one' };
  return [...parts.slice(0, MOST_PARTS), rest];
}

/** One line, cut: it is shown to people. */
const shown = (words: string): string => {
  const flat = words.replace(/[\u0000-\u001f\u007f]+/g, ' ');
  return flat.length <= VALUE_CHARS ? flat : `${flat.slice(0, VALUE_CHARS - 1)}…`;
};

function diskOf(disk: XmlElement): KeptDisk {
  const { device = 'disk' } = disk.attributes;
  const source = sourceOf(disk);
  return {
    target: child(disk, 'target')?.attributes['dev'] ?? '',
    device,
    ...(source === undefined ? {} : { source }),
    shared: ['readonly', 'shareable'].some((name) => child(disk, name)) || device === 'cdrom',
  };
}

/** As one word that names the same storage wherever it is written so. */
function sourceOf(disk: XmlElement): string | undefined {
  const source = child(disk, 'source')?.attributes;
  if (!source) return undefined;
  const { file, dev, dir, protocol, name, pool, volume, path } = source;
  if (protocol !== undefined) return `${protocol}:${name ?? ''}`;
  if (pool !== undefined) return `volume:${pool}/${volume ?? ''}`;
  return file ?? dev ?? dir ?? path;
}

function nicOf(nic: XmlElement): KeptNic[] {
  const mac = child(nic, 'mac')?.attributes['address']?.toLowerCase();
  if (mac === undefined) return [];
  const { type = '' } = nic.attributes;
  const { bridge, network, dev, path } = child(nic, 'source')?.attributes ?? {};
  const source = shown([type, bridge ?? network ?? dev ?? path].filter(Boolean).join(' '));
  return [{ mac, source, ...(type === 'bridge' && bridge !== undefined ? { bridge } : {}) }];
}

/** `0000:03:00.0` of a PCI device of the node. */
function pciOf(device: XmlElement): string[] {
  const address = child(child(device, 'source'), 'address')?.attributes;
  if (device.attributes['type'] !== 'pci' || !address) return [];
  const digits = (name: string, width: number) =>
    Number(address[name] ?? 0)
      .toString(16)
      .padStart(width, '0');
  return [`${digits('domain', 4)}:${digits('bus', 2)}:${digits('slot', 2)}.${digits('function', 1)}`];
}

function obstaclesIn(definition: XmlElement): string[] {
  const { type } = definition.attributes;
  const vcpus = Number(text(child(definition, 'vcpu')) ?? 1);
  const devices = child(definition, 'devices');
  const unclean = [...elements(devices, 'disk').map(sourceOf), text(child(definition, 'name'))].some(
    (words) => words !== undefined && /[\u0000-\u001f\u007f]/.test(words),
  );
  return [
    ...(type === 'kvm' || type === 'qemu' ? [] : [`it is of type ${type}, and Gantry runs QEMU`]),
    ...(Number.isInteger(vcpus) && vcpus >= 1 && vcpus <= 512 ? [] : [`it has ${vcpus} virtual CPUs`]),
    ...(unclean ? ['its name or the path of a disk has control characters'] : []),
  ];
}

/** The definition as text, without the mark of a cluster: it is the same before an import and after a release. */
export const unmarkedText = (definition: XmlElement): string => writeInline(unmarked(definition));

/** With this mark and no other: defined so the domain is nobody else’s at any time. */
export function markedText(definition: XmlElement, identity: Identity): string {
  const bare = unmarked(definition);
  const there = child(bare, 'metadata');
  const [mark] = elements(metadataToXml(metadata({ ...identity, origin: builtin('import', 'whose it is') })));
  const written = element('metadata', {}, [...(there?.children ?? []), mark]);
  return writeInline({ ...bare, children: [...bare.children.filter((one) => one !== there), written] });
}

function unmarked(definition: XmlElement): XmlElement {
  const children = definition.children.flatMap((node) => {
    if (typeof node === 'string' || node.name !== 'metadata') return [node];
    const others = node.children.filter((one) => typeof one === 'string' || !isMark(one));
    return others.length === 0 ? [] : [{ ...node, children: others }];
  });
  return { ...definition, children };
}

const isMark = ({ attributes }: XmlElement): boolean =>
  Object.values(attributes).includes(METADATA_NAMESPACE);

/** Where the definition says another thing than what runs: the next QEMU is as the definition says. */
export function waitingChanges(running: XmlElement, definition: XmlElement): WaitingChange[] {
  const all = compare(canonical(definition), canonical(withCpuOf(definition, running)), undefined);
  // what only the running one says of a thing that both have, libvirt has found out when it started it
  const found = all.filter(({ path, wanted, now }) => {
    if (byStart.test(path)) return false;
    return wanted !== undefined ? now !== undefined || !ofDrive.test(path) : !path.includes('/@');
  });
  return found.slice(0, MOST_PARTS).map(({ path, now, wanted }) => ({
    path: shown(path),
    ...textOf('now', now),
    ...textOf('next', wanted),
  }));
}

/** The console repeats the first serial port, whose pty is made at the start. */
const byStart = /^\/domain\/devices\/(console|serial)(\[\d+\])?\/source$/;
/** Of an empty drive libvirt forgets the format while it runs. */
const ofDrive = /^\/domain\/devices\/disk\[\w+\]\/driver\/@type$/;

/** libvirt spells the CPU of a running guest out. */
function withCpuOf(definition: XmlElement, running: XmlElement): XmlElement {
  const cpu = child(definition, 'cpu');
  const children = running.children.flatMap((node) => {
    if (typeof node === 'string' || node.name !== 'cpu') return [node];
    return cpu ? [cpu] : [];
  });
  return { ...running, children };
}

const textOf = <K extends string>(key: K, value: Found['now']): { [P in K]?: string } =>
  value === undefined
    ? {}
    : ({ [key]: shown(typeof value === 'string' ? value : writeInline(value)) } as { [P in K]: string });
