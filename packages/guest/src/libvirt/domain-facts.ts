/** What is read back from the XML of a domain, ours or foreign. */
import { err } from '@gantry/model';
import { type Identity, readIdentity } from '../elements/metadata.ts';
import { child, descend, elements, text, type XmlElement } from '../xml/element.ts';
import { parseXml } from '../xml/parser.ts';
import { type LiveDevices, liveDevices } from './live-devices.ts';

export interface DeviceAddress {
  /** disk, interface, controller, ... */
  readonly device: string;
  /** libvirt's alias, in a running domain. */
  readonly alias?: string;
  /** Target device of a disk, MAC of an interface. */
  readonly key?: string;
  /** libvirt's address element: type, domain, bus, slot, function, controller, unit, ... */
  readonly address: Readonly<Record<string, string>>;
}

export interface DomainFacts {
  readonly uuid: string;
  readonly name: string;
  readonly type: string;
  /** libvirt's id of a running domain. */
  readonly domainId?: number;
  /** Whose it is; absent for a foreign domain. */
  readonly identity?: Identity;
  /** The most memory it may take. */
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** As libvirt resolved it: versioned. */
  readonly machineType?: string;
  /** File of its UEFI firmware. */
  readonly loader?: string;
  readonly cpu?: { readonly mode?: string; readonly model?: string };
  /** Path of the pty of its first serial console. */
  readonly consolePty?: string;
  readonly vncSocket?: string;
  /** The guest agent's channel is open on the guest's side. */
  readonly agentConnected: boolean;
  readonly addresses: readonly DeviceAddress[];
  readonly live: LiveDevices;
}

/**
 * Facts of a domain from its XML.
 * @throws GantryError `invalid_argument` when it is not the XML of a domain
 */
export const parseDomain = (source: string): DomainFacts => readDomain(parseXml(source));

/** The same from a parsed tree. */
export function readDomain(root: XmlElement): DomainFacts {
  const uuid = text(child(root, 'uuid'));
  const name = text(child(root, 'name'));
  if (root.name !== 'domain' || !uuid || !name)
    throw err('invalid_argument', { what: 'the domain XML', wanted: 'a domain with name and uuid' });
  const devices = child(root, 'devices');
  return {
    uuid,
    name,
    type: root.attributes['type'] ?? '',
    memoryMiB: memoryMiB(child(root, 'memory')),
    vcpus: Number(text(child(root, 'vcpu'))) || 0,
    agentConnected: agentConnected(devices),
    addresses: addresses(devices),
    live: liveDevices(devices),
    ...present('domainId', numberOf(root.attributes['id'])),
    ...present('identity', readIdentity(child(root, 'metadata'))),
    ...present('machineType', descend(root, 'os', 'type')?.attributes['machine']),
    ...present('loader', text(descend(root, 'os', 'loader')) || undefined),
    ...present('cpu', cpuOf(child(root, 'cpu'))),
    ...present('consolePty', child(child(devices, 'serial'), 'source')?.attributes['path']),
    ...present('vncSocket', vncSocket(devices)),
  };
}

const present = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]: V });

const numberOf = (digits: string | undefined): number | undefined =>
  digits !== undefined && /^\d{1,10}$/.test(digits) ? Number(digits) : undefined;

/** libvirt's units, in bytes; without one it means KiB. */
const units: Record<string, number> = {
  b: 1,
  bytes: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

function memoryMiB(memory: XmlElement | undefined): number {
  const factor = units[memory?.attributes['unit'] ?? 'KiB'] ?? units['KiB'] ?? 0;
  return Math.ceil(((Number(text(memory)) || 0) * factor) / 2 ** 20);
}

function cpuOf(cpu: XmlElement | undefined): DomainFacts['cpu'] {
  if (!cpu) return undefined;
  return {
    ...present('mode', cpu.attributes['mode']),
    ...present('model', text(child(cpu, 'model'))),
  };
}

const vncSocket = (devices: XmlElement | undefined): string | undefined =>
  elements(devices, 'graphics')
    .flatMap((graphics) => elements(graphics, 'listen'))
    .find((listen) => listen.attributes['type'] === 'socket')?.attributes['socket'];

const agentConnected = (devices: XmlElement | undefined): boolean =>
  elements(devices, 'channel').some((channel) => {
    const target = child(channel, 'target')?.attributes;
    return target?.['name'] === 'org.qemu.guest_agent.0' && target['state'] === 'connected';
  });

const addresses = (devices: XmlElement | undefined): DeviceAddress[] =>
  elements(devices).flatMap((device) => {
    const address = child(device, 'address')?.attributes;
    if (!address) return [];
    const key = child(device, 'target')?.attributes['dev'] ?? child(device, 'mac')?.attributes['address'];
    return [
      {
        device: device.name,
        address,
        ...present('alias', child(device, 'alias')?.attributes['name']),
        ...present('key', device.name === 'disk' || device.name === 'interface' ? key : undefined),
      },
    ];
  });
