/** CD drives of a running guest: plugged in and out where their bus can, and what lies in them. Each looks first. */
import {
  cdSlotOf,
  child,
  type DiskElement,
  descend,
  deviceToXml,
  elements,
  type GuestDomain,
  parseXml,
  writeInline,
  type XmlElement,
} from '@gantry/guest';
import { LibvirtError, virDomainDeviceModifyFlags } from '@gantry/libvirt';
import { err } from '@gantry/model';
import type { Logger, PluggedSpec } from '../actions.ts';
import type { Found } from './look.ts';
import { compiled, keepRecord, makeRoom, type PlugParts, runningOf } from './plug.ts';
import { unplug } from './unplug.ts';

const { VIR_DOMAIN_DEVICE_MODIFY_LIVE: LIVE, VIR_DOMAIN_DEVICE_MODIFY_FORCE: FORCE } =
  virDomainDeviceModifyFlags;

/** libvirt waits 5 s for a guest to open the tray, and says so in these words; QEMU says that it is locked. */
const LOCKED = /tray|is locked|not ejectable/i;

interface Target {
  found: Found;
  guest: GuestDomain;
  /** As it is to be. */
  drive: DiskElement;
  /** As it is. */
  there: Found['facts']['live']['disks'][number] | undefined;
}

export async function attachCd(spec: PluggedSpec, parts: PlugParts, log: Logger): Promise<void> {
  const target = await targetOf(spec, parts);
  if (!target) return;
  const { found, guest, drive, there } = target;
  if (!there) {
    await makeRoom({ lv: parts.lv, dom: found.dom, found, guest, disk: drive });
    const xml = writeInline(deviceToXml(drive));
    await parts.lv.domainAttachDeviceFlags({ dom: found.dom, xml, flags: LIVE });
    log('info', `CD drive ${spec.plug.cd} is plugged in`);
  }
  await keepRecord(parts, spec, guest, stepOf(drive.target.device));
}

/** @throws GantryError `device_refused`, `device_kept` */
export async function detachCd(
  spec: PluggedSpec,
  parts: PlugParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { lv, clock } = parts;
  const found = await runningOf(spec, parts);
  const there = found && driveIn(found, spec.plug.cd);
  if (!found || !there) return;
  const name = `CD drive ${spec.plug.cd}`;
  if (there.alias !== undefined)
    await unplug({ lv, dom: found.dom, alias: there.alias, name, guest: spec.input.name, clock }, signal);
  log('info', `${name} is out of the guest`);
  const cds = (spec.input.cds ?? []).filter(({ slot }) => slot !== spec.plug.cd);
  const without = await compiled({ ...spec, input: { ...spec.input, cds } }, found.dom.name, parts);
  await keepRecord(parts, spec, without, stepOf(there.target));
}

/** Opens the tray, exchanges what lies in it, and closes it. @throws GantryError `tray_locked` */
export async function changeMedium(spec: PluggedSpec, parts: PlugParts, log: Logger): Promise<void> {
  const target = await targetOf(spec, parts);
  if (!target?.there) return;
  const { found, guest, drive, there } = target;
  const wanted = drive.source.type === 'file' ? drive.source.path : undefined;
  if (there.path !== wanted || (wanted !== undefined && there.trayOpen)) {
    const live = parseXml(await parts.lv.domainGetXmlDesc({ dom: found.dom }));
    const xml = writeInline(withMedium(live, there.target, wanted));
    const flags = LIVE | (spec.plug.force ? FORCE : 0);
    await parts.lv.domainUpdateDeviceFlags({ dom: found.dom, xml, flags }).catch(locked(spec, there.target));
    log('info', `CD drive ${spec.plug.cd} ${wanted === undefined ? 'is empty' : `holds ${wanted}`}`);
  }
  await keepRecord(parts, spec, guest, stepOf(there.target));
}

const locked =
  ({ input, plug }: PluggedSpec, device: string) =>
  (error: unknown): never => {
    if (error instanceof LibvirtError && LOCKED.test(error.message))
      throw err('tray_locked', { name: input.name, cd: plug.cd ?? 0, device }, error);
    throw error;
  };

/** All else of the drive must be as it is, or libvirt refuses. */
function withMedium(domain: XmlElement, target: string, path: string | undefined): XmlElement {
  const drive = elements(descend(domain, 'devices'), 'disk').find(
    (disk) => child(disk, 'target')?.attributes['dev'] === target,
  );
  if (!drive) throw err('guest_refused', { why: `it has no drive ${target}` });
  const kept = elements(drive).filter(({ name }) => !['source', 'backingStore', 'alias'].includes(name));
  const children = kept.map((one) => (one.name === 'target' ? closed(one) : raw(one)));
  const source: XmlElement[] =
    path === undefined ? [] : [{ name: 'source', attributes: { file: path }, children: [] }];
  return { ...drive, attributes: { ...drive.attributes, type: 'file' }, children: [...children, ...source] };
}

/** Of an empty drive libvirt forgets the format. */
const raw = (node: XmlElement): XmlElement =>
  node.name === 'driver' ? { ...node, attributes: { ...node.attributes, type: 'raw' } } : node;

const closed = ({ attributes: { tray: _, ...attributes }, ...node }: XmlElement): XmlElement => ({
  ...node,
  attributes,
});

const stepOf = (target: string): string => `disk[${target}]`;

const driveIn = ({ facts }: Found, slot: number | undefined): Target['there'] =>
  facts.live.disks.find(({ device, target }) => device === 'cdrom' && cdSlotOf(target) === slot);

/** Undefined where the guest does not run (any more): its next start takes everything. */
async function targetOf(spec: PluggedSpec, parts: PlugParts): Promise<Target | undefined> {
  const found = await runningOf(spec, parts);
  if (!found) return undefined;
  const guest = await compiled(spec, found.dom.name, parts);
  const drive = guest.devices.find(
    (one) => one.kind === 'disk' && one.device === 'cdrom' && cdSlotOf(one.target.device) === spec.plug.cd,
  );
  if (drive?.kind !== 'disk') throw err('guest_refused', { why: `it has no CD drive ${spec.plug.cd}` });
  return { found, guest, drive, there: driveIn(found, spec.plug.cd) };
}
