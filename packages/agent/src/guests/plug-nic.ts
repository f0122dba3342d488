/** NICs of a running guest: plugged in, taken out, their cable and their bridge changed. Each looks first. */
import { deviceToXml, type GuestDomain, type NicElement, writeInline } from '@gantry/guest';
import { virDomainDeviceModifyFlags } from '@gantry/libvirt';
import { err } from '@gantry/model';
import type { Logger, PluggedSpec } from '../actions.ts';
import type { Found } from './look.ts';
import { compiled, keepRecord, type PlugParts, runningOf } from './plug.ts';
import { unplug } from './unplug.ts';

const LIVE = virDomainDeviceModifyFlags.VIR_DOMAIN_DEVICE_MODIFY_LIVE;

interface Target {
  found: Found;
  guest: GuestDomain;
  nic: NicElement;
  alias: string | undefined;
}

/** Its filter stands already: the tap that libvirt makes lets out only what it may. */
export async function attachNic(spec: PluggedSpec, parts: PlugParts, log: Logger): Promise<void> {
  const target = await targetOf(spec, parts);
  if (!target) return;
  const { found, guest, nic, alias } = target;
  const xml = writeInline(deviceToXml(nic));
  if (alias === undefined) await parts.lv.domainAttachDeviceFlags({ dom: found.dom, xml, flags: LIVE });
  log('info', `NIC ${nic.mac} is plugged in`);
  await keepRecord(parts, spec, guest, stepOf(nic.mac));
}

/** @throws GantryError `device_refused`, `device_kept` */
export async function detachNic(
  spec: PluggedSpec,
  parts: PlugParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { lv, clock } = parts;
  const { input, plug } = spec;
  const found = await runningOf(spec, parts);
  if (!found || plug.mac === undefined) return;
  // Of an attach that was taken back the settings know nothing any more: then only the domain tells where it is.
  const alias = aliasIn(found, plug.mac);
  const name = `NIC ${plug.mac}`;
  if (alias !== undefined)
    await unplug({ lv, dom: found.dom, alias, name, guest: input.name, clock }, signal);
  log('info', `${name} is out of the guest`);
  const nics = input.nics.filter(({ mac }) => mac !== plug.mac);
  const without = await compiled({ ...spec, input: { ...input, nics } }, found.dom.name, parts);
  await keepRecord(parts, spec, without, stepOf(plug.mac));
}

/**
 * Cable and bridge: libvirt compares with what is there, and moves the tap. Another model is another device.
 * @throws GantryError `device_refused`, `device_kept` where it is to be plugged in anew
 */
export async function updateNic(
  spec: PluggedSpec,
  parts: PlugParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const target = await targetOf(spec, parts);
  if (spec.plug.replug && target) return replug(target, spec, parts, log, signal);
  if (target?.alias === undefined) return;
  const { found, guest, nic } = target;
  const xml = writeInline(deviceToXml(nic));
  await parts.lv.domainUpdateDeviceFlags({ dom: found.dom, xml, flags: LIVE });
  log('info', `NIC ${nic.mac} is changed`);
  await keepRecord(parts, spec, guest, stepOf(nic.mac));
}

/** Of a replug that was interrupted the NIC may be out already. */
async function replug(
  { found, guest, nic, alias }: Target,
  spec: PluggedSpec,
  parts: PlugParts,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { lv, clock } = parts;
  const there = found.facts.live.nics.find(({ mac }) => mac === nic.mac)?.model;
  const same = alias !== undefined && there === nic.model?.model;
  const name = `NIC ${nic.mac}`;
  if (alias !== undefined && !same)
    await unplug({ lv, dom: found.dom, alias, name, guest: spec.input.name, clock }, signal);
  if (!same) {
    const xml = writeInline(deviceToXml(nic));
    await lv.domainAttachDeviceFlags({ dom: found.dom, xml, flags: LIVE });
    log('info', `${name} is plugged in as ${nic.model?.model ?? 'another model'}, was ${there ?? 'out'}`);
  }
  await keepRecord(parts, spec, guest, stepOf(nic.mac));
}

const stepOf = (mac: string): string => `interface[${mac}]`;

const aliasIn = ({ facts }: Found, mac: string): string | undefined =>
  facts.live.nics.find((nic) => nic.mac === mac)?.alias;

async function targetOf(spec: PluggedSpec, parts: PlugParts): Promise<Target | undefined> {
  const found = await runningOf(spec, parts);
  if (!found) return undefined;
  const guest = await compiled(spec, found.dom.name, parts);
  const nic = guest.devices.find((one) => one.kind === 'interface' && one.mac === spec.plug.mac);
  if (nic?.kind !== 'interface') throw err('guest_refused', { why: `it has no NIC ${spec.plug.mac}` });
  return { found, guest, nic, alias: aliasIn(found, nic.mac) };
}
