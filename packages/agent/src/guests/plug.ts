/**
 * Devices of a running guest: plugged in, taken out, changed. Each looks first and may be repeated. What QEMU has then
 * is what the record of the guest says, so that `diff` and `explain` go on telling the truth.
 */
import {
  compileGuest,
  type DiskElement,
  deviceToXml,
  exchangeDevice,
  type GuestDomain,
  iotuneOf,
  writeInline,
} from '@gantry/guest';
import {
  type Domain,
  isNotFound,
  type LibvirtClient,
  virDomainBlockResizeFlags,
  virDomainDeviceModifyFlags,
  virDomainModificationImpact,
} from '@gantry/libvirt';
import { type DiskId, diskLimitNames, err, type InstanceId } from '@gantry/model';
import type { Logger, PluggedSpec } from '../actions.ts';
import type { Clock } from '../env.ts';
import { contextOf } from './diff.ts';
import { type Found, lookAtRunning, refuseOlder } from './look.ts';
import type { StartParts } from './start-parts.ts';
import { unplug } from './unplug.ts';

export interface PlugParts extends StartParts {
  clock: Clock;
}

const LIVE = virDomainDeviceModifyFlags.VIR_DOMAIN_DEVICE_MODIFY_LIVE;
const RUNNING = virDomainModificationImpact.VIR_DOMAIN_AFFECT_LIVE;

/** A running guest, with what its settings make of it now. */
interface Target {
  lv: LibvirtClient;
  dom: Domain;
  found: Found;
  guest: GuestDomain;
  disk: DiskElement;
}

/** @throws GantryError `guest_refused` */
export async function attachDisk(spec: PluggedSpec, parts: PlugParts, log: Logger): Promise<void> {
  const target = await targetOf(spec, parts);
  if (!target) return;
  const { lv, dom, found, guest, disk } = target;
  if (!diskIn(found, disk)) {
    await makeRoom(target);
    await lv.domainAttachDeviceFlags({ dom, xml: writeInline(deviceToXml(disk)), flags: LIVE });
    log('info', `disk ${disk.target.device} is plugged in`);
  }
  await keepRecord(parts, spec, guest, stepOf(disk));
}

/** @throws GantryError `device_refused`, `device_kept` */
export async function detachDisk(
  spec: PluggedSpec,
  parts: PlugParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { lv, clock } = parts;
  const found = await runningOf(spec, parts);
  if (!found) return;
  const { dom } = found;
  const path = await pathOf(spec.plug.disk, parts);
  // Of an attach that was taken back the settings know nothing any more: then only the domain tells where it is.
  const there = found.facts.live.disks.find((one) => one.path === path);
  const device = there?.target ?? diskAt(path, await compiled(spec, dom.name, parts))?.target.device;
  const name = `disk ${device}`;
  if (there?.alias !== undefined)
    await unplug({ lv, dom, alias: there.alias, name, guest: spec.input.name, clock }, signal);
  if (device === undefined) return;
  log('info', `${name} is out of the guest`);
  const disks = spec.input.disks.filter(({ id }) => id !== spec.plug.disk);
  const guest = await compiled({ ...spec, input: { ...spec.input, disks } }, dom.name, parts);
  await dropThreads(lv, dom, guest);
  await keepRecord(parts, spec, guest, `disk[${device}]`);
}

export async function updateDisk(spec: PluggedSpec, parts: PlugParts, log: Logger): Promise<void> {
  const target = await targetOf(spec, parts);
  if (!target) return;
  const { lv, dom, found, guest, disk } = target;
  if (!diskIn(found, disk)) return;
  const none = iotuneOf(Object.fromEntries(diskLimitNames.map((name) => [name, 0])));
  const params = { ...none, ...disk.iotune?.limits };
  await lv.domainSetBlockIoTune({ dom, disk: disk.target.device, params: asUllong(params), flags: RUNNING });
  log('info', `limits of disk ${disk.target.device} are set`);
  await keepRecord(parts, spec, guest, stepOf(disk));
}

const asUllong = (values: { [key: string]: number }) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, { type: 'ullong' as const, value: BigInt(value) }]),
  );

const stepOf = ({ target }: DiskElement): string => `disk[${target.device}]`;

export async function keepRecord(
  { directory }: PlugParts,
  { instance }: PluggedSpec,
  guest: GuestDomain,
  step: string,
): Promise<void> {
  const record = await directory.readRecord(instance);
  if (!record) return;
  await directory.writeRecord(instance, { ...record, ...exchangeDevice(record, guest, step) });
}

const diskIn = ({ facts }: Found, disk: DiskElement) =>
  facts.live.disks.find(({ path }) => disk.source.type === 'file' && path === disk.source.path);

/** Undefined where the guest does not run (any more): its next start takes everything. */
async function targetOf(spec: PluggedSpec, parts: PlugParts): Promise<Target | undefined> {
  const found = await runningOf(spec, parts);
  if (!found) return undefined;
  const guest = await compiled(spec, found.dom.name, parts);
  const disk = diskAt(await pathOf(spec.plug.disk, parts), guest);
  if (!disk) throw err('guest_refused', { why: `it has no disk ${spec.plug.disk}` });
  return { lv: parts.lv, dom: found.dom, found, guest, disk };
}

export async function runningOf(
  { instance, epoch }: PluggedSpec,
  { lv, member }: PlugParts,
): Promise<Found | undefined> {
  const found = await lookAtRunning(lv, instance, member);
  if (found) refuseOlder(found, epoch);
  return found;
}

const diskAt = (path: string | undefined, { devices }: GuestDomain): DiskElement | undefined =>
  devices
    .filter((one) => one.kind === 'disk')
    .find(({ source }) => source.type === 'file' && source.path === path);

export const compiled = async (spec: PluggedSpec, name: string, parts: PlugParts): Promise<GuestDomain> =>
  compileGuest(spec.input, await contextOf(spec, name, parts));

const pathOf = async (disk: DiskId | undefined, { disks }: PlugParts): Promise<string | undefined> =>
  (await disks()).find((seen) => seen.disk === disk && seen.state === 'ready')?.path;

/** The thread and the controller that the disk names and the guest has not. libvirt’s own choice of one would be old. */
export async function makeRoom({ lv, dom, found, guest, disk }: Target): Promise<void> {
  const thread = disk.driver.ioThread;
  if (thread !== undefined && !(await threads(lv, dom)).includes(thread))
    await lv.domainAddIothread({ dom, iothreadId: thread, flags: RUNNING });
  if (disk.target.bus !== 'scsi' || found.facts.live.scsiControllers.length > 0) return;
  const scsi = guest.devices.find((one) => one.kind === 'controller' && one.type === 'scsi');
  if (scsi) await lv.domainAttachDeviceFlags({ dom, xml: writeInline(deviceToXml(scsi)), flags: LIVE });
}

/** A thread in the middle stays for the next disk in that place; one behind all others is no longer asked for. */
async function dropThreads(lv: LibvirtClient, dom: Domain, without: GuestDomain): Promise<void> {
  const asked = without.ioThreads?.count ?? 0;
  for (const extra of (await threads(lv, dom)).filter((id) => id > asked).toSorted((a, b) => b - a))
    await lv.domainDelIothread({ dom, iothreadId: extra, flags: RUNNING }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
}

async function threads(lv: LibvirtClient, dom: Domain): Promise<number[]> {
  const info = await lv.domainGetIothreadInfo({ dom, flags: RUNNING });
  return info.map(({ iothreadId }) => iothreadId);
}

/** Under a running guest, which is told of it. Nothing where it has ended: the next look finds the file closed. */
export async function growOpenDisk(
  instance: InstanceId,
  path: string,
  sizeBytes: number,
  { lv, member }: Pick<PlugParts, 'lv' | 'member'>,
): Promise<void> {
  const found = await lookAtRunning(lv, instance, member);
  const disk = found?.facts.live.disks.find((one) => one.path === path);
  if (!found || !disk) return;
  const flags = virDomainBlockResizeFlags.VIR_DOMAIN_BLOCK_RESIZE_BYTES;
  await lv.domainBlockResize({ dom: found.dom, disk: disk.target, size: BigInt(sizeBytes), flags });
}
