/**
 * What of a domain's definition settings of Gantry could say too, and why the rest cannot be said. What is not in the
 * table is nobody's setting: an element that a later libvirt invents is told of, never passed over.
 */
import { child, text, type XmlElement } from '../xml/element.ts';

/** `said`: with all that is in it; `within`: its children are judged each for itself; else why no setting says it. */
export type Verdict = 'said' | 'within' | { readonly why: string };

type Judge = (node: XmlElement) => Verdict;

const said: Judge = () => 'said';
const within: Judge = () => 'within';
const not =
  (why: string): Judge =>
  () => ({ why });
const unless =
  (holds: (node: XmlElement) => boolean, why: string): Judge =>
  (node) =>
    holds(node) ? 'said' : { why };
const has =
  (attribute: string, ...values: string[]) =>
  (node: XmlElement) =>
    values.includes(node.attributes[attribute] ?? '');
const words =
  (...allowed: string[]) =>
  (node: XmlElement) =>
    allowed.includes(text(node) ?? '');
const each = (names: readonly string[], judge: Judge): Record<string, Judge> =>
  Object.fromEntries(names.map((name) => [name, judge]));

const ENDING = 'libvirt answers this ending of the guest itself, before Gantry’s policy is asked';
const BY_HAND = 'chosen by hand: Gantry does not count it, and may give other guests the same CPUs or pages';
const VIEWER = 'viewers reach it on the node without Gantry, by whatever it asks of them';
const TIED = 'ties the guest to its node';

/** Elements by `parent/name`. */
const table: Readonly<Record<string, Judge>> = {
  ...each(['uuid', 'name', 'title', 'description', 'metadata', 'memory'].map(in_('domain')), said),
  ...each(['iothreads', 'iothreadids', 'pm', 'sysinfo', 'resource'].map(in_('domain')), said),
  'domain/currentMemory': said,
  'domain/vcpu': unless(
    ({ attributes }) => attributes['cpuset'] === undefined && attributes['placement'] !== 'auto',
    BY_HAND,
  ),
  'domain/vcpus': said,
  ...each(['cputune', 'numatune', 'memoryBacking', 'memtune', 'blkiotune'].map(in_('domain')), not(BY_HAND)),
  'domain/seclabel': unless(has('type', 'dynamic'), 'a label of its own'),
  'domain/on_poweroff': unless(words('destroy'), ENDING),
  'domain/on_reboot': unless(words('restart'), ENDING),
  'domain/on_crash': unless(words('destroy', 'restart', 'preserve'), ENDING),
  'domain/launchSecurity': not('memory encryption as it was set up by hand'),
  'domain/os': within,
  ...each(['type', 'loader', 'nvram', 'firmware', 'bootmenu', 'smbios'].map(in_('os')), said),
  'os/boot': unless(has('dev', 'hd'), 'the order in which it boots stays the definition’s'),
  ...each(
    ['kernel', 'initrd', 'cmdline', 'dtb'].map(in_('os')),
    not('a file of the node that is not Gantry’s'),
  ),
  'domain/features': within,
  ...each(
    ['acpi', 'apic', 'pae', 'hyperv', 'kvm', 'vmport', 'smm', 'gic', 'ioapic', 'pmu'].map(in_('features')),
    said,
  ),
  'domain/cpu': within,
  ...each(['model', 'vendor', 'feature', 'topology'].map(in_('cpu')), said),
  'domain/clock': (node) =>
    has('offset', 'utc', 'localtime')(node) ? 'said' : { why: 'no setting gives a guest this clock' },
  'domain/devices': within,
  'devices/emulator': unless(
    (node) => /^\/usr\/(bin|libexec)\/(qemu-system-[a-z0-9_]+|qemu-kvm|kvm)$/.test(text(node) ?? ''),
    'a QEMU that is not the node’s usual one',
  ),
  ...each(
    ['controller', 'input', 'video', 'sound', 'audio', 'memballoon', 'watchdog'].map(in_('devices')),
    said,
  ),
  ...each(['panic', 'tpm', 'iommu', 'rng'].map(in_('devices')), said),
  'devices/disk': (node) => ({ why: ofDisk(node) }),
  'devices/interface': ofNic,
  'devices/serial': unless(has('type', 'pty'), 'not a console that Gantry shows'),
  'devices/console': unless(has('type', 'pty'), 'not a console that Gantry shows'),
  'devices/channel': (node) =>
    child(node, 'target')?.attributes['name'] === 'org.qemu.guest_agent.0'
      ? 'said'
      : { why: 'a channel that no setting makes' },
  'devices/graphics': (node) => {
    if (!has('type', 'vnc')(node)) return { why: `Gantry shows VNC only: ${VIEWER}` };
    return child(node, 'listen')?.attributes['type'] === 'address' ? { why: VIEWER } : 'said';
  },
  'devices/hostdev': not(`a device of the node, given by hand: it ${TIED}`),
  'devices/filesystem': not(`a folder of the node that the guest sees: it ${TIED}`),
  'devices/shmem': not(`memory that it shares with others on the node: it ${TIED}`),
  'devices/memory': not('memory that was plugged in by hand'),
};

function in_(parent: string): (name: string) => string {
  return (name) => `${parent}/${name}`;
}

/** What becomes of a disk: none of them is Gantry’s. */
function ofDisk(node: XmlElement): string {
  const { type, device = 'disk' } = node.attributes;
  if (device !== 'disk') return `a ${device} as it stands: Gantry neither changes nor ejects what is in it`;
  const where = type === 'file' ? 'a file' : `storage of type ${type ?? 'unknown'}`;
  const shared = child(node, 'shareable') ? ', which several guests may write' : '';
  return `${where} that is not Gantry’s${shared}: never moved, copied, grown or deleted`;
}

const linked: Readonly<Record<string, string>> = {
  network: 'a network of libvirt, which Gantry does not manage',
  direct: `macvtap on an interface of the node: it ${TIED}`,
  hostdev: `a network device of the node: it ${TIED}`,
  vhostuser: `a switch beside the kernel’s: it ${TIED}`,
  user: 'QEMU’s own network: nobody reaches the guest through it',
};

function ofNic(node: XmlElement): Verdict {
  const type = node.attributes['type'] ?? '';
  if (type !== 'bridge') return { why: linked[type] ?? `a link of type ${type || 'unknown'}` };
  const own = ['filterref', 'virtualport', 'vlan', 'script', 'backend', 'coalesce', 'teaming', 'ip', 'route'];
  const found = own.filter((name) => child(node, name) !== undefined);
  return found.length === 0 ? 'said' : { why: `has ${found.join(', ')}, which no setting gives` };
}

/** Of an element below the one named `parent`. */
export function verdictOn(node: XmlElement, parent: string): Verdict {
  if (node.name.includes(':')) return { why: 'words for QEMU itself, of which Gantry knows nothing' };
  return table[`${parent}/${node.name}`]?.(node) ?? { why: 'no setting of Gantry’s says it' };
}
