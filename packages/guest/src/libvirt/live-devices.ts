/** Devices of a domain that can come and go: read from its XML, and exchanged in a tree. */
import type { DiskLimits } from '@gantry/model';
import { limitsOfIotune } from '../limits.ts';
import { steps } from '../paths.ts';
import { child, elements, text, type XmlElement } from '../xml/element.ts';

export interface LiveDisk {
  /** vda, sdb, ... */
  readonly target: string;
  /** Of its file; a drive may be empty. */
  readonly path?: string;
  /** libvirt's, in a running domain. */
  readonly alias?: string;
  readonly limits: DiskLimits;
  /** disk, cdrom, ... */
  readonly device: string;
  /** Of a drive: somebody opened it, mostly the guest itself. */
  readonly trayOpen: boolean;
}

export interface LiveNic {
  readonly mac: string;
  readonly bridge?: string;
  readonly model?: string;
  readonly alias?: string;
  readonly up: boolean;
}

export interface LiveDevices {
  readonly nics: readonly LiveNic[];
  readonly disks: readonly LiveDisk[];
  /** libvirt’s names of all devices, in a running domain. */
  readonly aliases: readonly string[];
  /** Numbers of its SCSI controllers. */
  readonly scsiControllers: readonly number[];
}

export function liveDevices(devices: XmlElement | undefined): LiveDevices {
  const controllers = elements(devices, 'controller').map(({ attributes }) => attributes);
  return {
    nics: elements(devices, 'interface').flatMap(liveNic),
    aliases: elements(devices).flatMap((device) => child(device, 'alias')?.attributes['name'] ?? []),
    disks: elements(devices, 'disk').flatMap(liveDisk),
    scsiControllers: controllers.filter(({ type }) => type === 'scsi').map(({ index }) => Number(index ?? 0)),
  };
}

function liveNic(nic: XmlElement): LiveNic[] {
  const mac = child(nic, 'mac')?.attributes['address'];
  if (mac === undefined) return [];
  const bridge = child(nic, 'source')?.attributes['bridge'];
  const alias = child(nic, 'alias')?.attributes['name'];
  const up = child(nic, 'link')?.attributes['state'] !== 'down';
  const model = child(nic, 'model')?.attributes['type'];
  return [
    {
      mac,
      up,
      ...(bridge === undefined ? {} : { bridge }),
      ...(model === undefined ? {} : { model }),
      ...(alias === undefined ? {} : { alias }),
    },
  ];
}

function liveDisk(disk: XmlElement): LiveDisk[] {
  const { dev: target, tray } = child(disk, 'target')?.attributes ?? {};
  if (target === undefined) return [];
  const path = child(disk, 'source')?.attributes['file'];
  const alias = child(disk, 'alias')?.attributes['name'];
  const iotune = child(disk, 'iotune');
  const limits = limitsOfIotune((name) => Number(text(child(iotune, name)) ?? 0));
  return [
    {
      target,
      ...(path === undefined ? {} : { path }),
      ...(alias === undefined ? {} : { alias }),
      limits,
      device: disk.attributes['device'] ?? 'disk',
      trayOpen: tray === 'open',
    },
  ];
}

/**
 * The domain’s tree with one of its devices exchanged, added or (undefined) left out. `step` names it as paths do:
 * `disk[vdb]`, `interface[52:54:00:...]`. A new one comes after the last of its kind.
 */
export function withDevice(domain: XmlElement, step: string, device: XmlElement | undefined): XmlElement {
  const devices = child(domain, 'devices');
  if (!devices) return domain;
  const there = steps(devices).get(step);
  const kept = devices.children.filter((one) => one !== there);
  const name = step.replace(/\[.*/, '');
  const at = there
    ? devices.children.indexOf(there)
    : 1 + kept.findLastIndex((one) => typeof one !== 'string' && one.name === name);
  const children = device ? kept.toSpliced(at, 0, device) : kept;
  return withChild(domain, { ...devices, children });
}

/** The same for an element that stands once below the root. */
export function withChild(root: XmlElement, node: XmlElement): XmlElement {
  const old = child(root, node.name);
  const children = old ? root.children.map((one) => (one === old ? node : one)) : [...root.children, node];
  return { ...root, children };
}
