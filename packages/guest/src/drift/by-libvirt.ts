/**
 * What libvirt adds to a definition that it was given, or to a domain that it started, and what it writes in other
 * words: none of that is a difference. Found by defining the guests of the tests with libvirt 9.0, and by starting some.
 */

import { child, elements, text, type XmlElement } from '../xml/element.ts';
import { sizeBytes } from './canonical.ts';

type Judge = (node: XmlElement, parent: XmlElement, asked: XmlElement) => boolean;

const always: Judge = () => true;
const unlessOther: Judge = (node, _, asked) => child(asked, node.name) === undefined;
const words =
  (...allowed: string[]): Judge =>
  (node) =>
    allowed.includes(text(node) ?? '');

/** Elements, by parent and name; `*` stands for every parent. */
const elementsAdded: Readonly<Record<string, Judge>> = {
  '*/address': always,
  '*/alias': always,
  // the labels that libvirt gave to the files of a running guest
  'domain/seclabel': always,
  'domain/resource': always,
  'domain/iothreadids': always,
  // what the guest has of its memory: all, until somebody takes some away
  'domain/currentMemory': (node, parent) => sameSize(node, child(parent, 'memory')),
  'domain/on_poweroff': words('destroy'),
  'domain/on_reboot': words('restart'),
  'domain/on_crash': words('destroy'),
  'domain/clock': ({ attributes }) => attributes['offset'] === 'utc',
  'domain/pm': always,
  // files of the firmware that it chose
  'os/loader': always,
  'os/nvram': always,
  'os/firmware': always,
  'os/boot': (_, parent) => child(parent, 'kernel') !== undefined,
  'cpu/model': unlessOther,
  'cpu/vendor': always,
  'devices/emulator': unlessOther,
  'devices/controller': always,
  // the first serial port as a console
  'devices/console': ({ attributes }) => ['pty', 'tcp', 'file'].includes(attributes['type'] ?? ''),
  'devices/input': ({ attributes }) => ['ps2', 'xen'].includes(attributes['bus'] ?? ''),
  'devices/audio': always,
  'devices/memballoon': ({ attributes }, _, asked) =>
    attributes['model'] === 'virtio' && child(asked, 'memballoon') === undefined,
  'devices/video': (_, __, asked) =>
    child(asked, 'graphics') !== undefined && child(asked, 'video') === undefined,
  'disk/backingStore': always,
  // a copy or commit that is under way
  'disk/mirror': always,
  'disk/readonly': (_, parent) => parent.attributes['device'] === 'cdrom',
  'disk/driver': unlessOther,
  'source/slices': always,
  'source/seclabel': always,
  'source/privateData': always,
  'graphics/listen': unlessOther,
  'hostdev/driver': ({ attributes }) => attributes['name'] === 'vfio',
  'interface/model': unlessOther,
  'interface/target': unlessOther,
  'serial/target': unlessOther,
  'serial/protocol': always,
  'serial/source': unlessOther,
  'channel/source': unlessOther,
  'target/model': always,
  'controller/model': always,
  'controller/target': always,
  'tpm/backend': unlessOther,
  'video/driver': always,
};

function sameSize(one: XmlElement, other: XmlElement | undefined): boolean {
  return text(one) === text(other) && one.attributes['unit'] === other?.attributes['unit'];
}

/** May libvirt have added that child of `parent`, where `asked` was asked for? */
export function isAddition(node: XmlElement, parent: XmlElement, asked: XmlElement): boolean {
  const judge = elementsAdded[`${parent.name}/${node.name}`] ?? elementsAdded[`*/${node.name}`];
  return judge?.(node, parent, asked) ?? false;
}

/** Attributes are libvirt’s defaults, except those by which somebody changes a running guest. */
export const isDefault = (now: XmlElement, attribute: string, asked: XmlElement): boolean =>
  !(now.name === 'vcpu' && attribute === 'current') || now.attributes[attribute] === text(asked);

/**
 * What a balloon leaves to the guest. More than was asked for is what the guest has not given back yet; as much as its
 * next start gives, beside more room, is what is wanted.
 */
export function isBalloon(
  node: XmlElement,
  wanted: XmlElement | undefined,
  parents: readonly XmlElement[],
): boolean {
  if (node.name !== 'currentMemory') return false;
  if (wanted) return sizeBytes(node) > sizeBytes(wanted);
  const bytes = parents.map((parent) => child(parent, 'memory')).map((memory) => memory && sizeBytes(memory));
  return bytes.includes(sizeBytes(node));
}

/** An attribute that libvirt leaves out: `match` says nothing where no model is named. */
export const isLeftOut = (asked: XmlElement, attribute: string): boolean =>
  asked.name === 'cpu' && attribute === 'match' && elements(asked, 'model').length === 0;

/** Names that stand for the newest version of a machine, and what the versions begin with. */
const machines: Readonly<Record<string, string>> = {
  pc: 'pc-i440fx-',
  q35: 'pc-q35-',
  virt: 'virt-',
  pseries: 'pseries-',
  's390-ccw-virtio': 's390-ccw-virtio-',
};

/** Does the value that is there give what was asked? */
export function gives(asked: string, now: string, attribute: string): boolean {
  if (asked === now) return true;
  const prefix = attribute === 'machine' ? machines[asked] : undefined;
  return prefix !== undefined && now.startsWith(prefix);
}

/** An element that was asked for without content leaves its content to libvirt. */
export const givesText = (asked: XmlElement, now: XmlElement): boolean => {
  const wanted = text(asked) ?? '';
  return wanted === '' || wanted === text(now);
};
