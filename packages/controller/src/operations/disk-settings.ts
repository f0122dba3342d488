/** Settings of a disk in its guest: given ones over those that were, and what that changes when. Pure. */
import {
  type DiskDevice,
  type DiskLimits,
  diskLimitNames,
  err,
  formatBytes,
  type SetDisk,
  type SettingChange,
} from '@gantry/model';

type Given = Pick<SetDisk, 'bus' | 'cache' | 'readOnly' | 'limits'>;

/** null unsets. Undefined where nothing is set. @throws GantryError `invalid_argument` */
export function changedDevice(had: DiskDevice = {}, given: Given): DiskDevice | undefined {
  const { bus, cache, readOnly } = given;
  const limits = merged<DiskLimits>(had.limits ?? {}, given.limits ?? {});
  requireLimits(limits);
  const plain = { ...had, ...defined({ bus, cache, readOnly }) };
  const device = merged<DiskDevice>(plain, { limits: Object.keys(limits).length > 0 ? limits : null });
  return Object.keys(device).length > 0 ? device : undefined;
}

const defined = (values: object): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const merged = <T extends object>(before: object, changes: object): T =>
  Object.fromEntries(
    Object.entries({ ...before, ...defined(changes) }).filter(([, value]) => value !== null),
  ) as T;

/** QEMU takes one of the two. */
function requireLimits(limits: DiskLimits): void {
  for (const what of ['Bytes', 'Iops'] as const) {
    const total = limits[`total${what}`];
    if (total !== undefined && (limits[`read${what}`] ?? limits[`write${what}`]) !== undefined)
      throw err('invalid_argument', {
        what: `a limit of both kinds beside one of all ${what === 'Bytes' ? 'bytes' : 'operations'}`,
        wanted: 'possible: limit the total, or reads and writes each by itself',
      });
  }
}

/** @param up a guest runs, and gets at its next start what QEMU cannot change */
export function deviceChanges(had: DiskDevice, device: DiskDevice, up: boolean): SettingChange[] {
  const down = 'it does not run: its next start takes it';
  const opened = up ? 'QEMU opens a disk once; a reboot inside the guest keeps it open' : down;
  const throttled = up ? 'QEMU throttles disks while it runs' : down;
  const one = (setting: string, from: unknown, to: unknown, live: boolean): SettingChange[] => {
    if (from === to) return [];
    const applies = live && up ? ('now' as const) : ('next-start' as const);
    const shown = (key: string, value: unknown) => (value === undefined ? {} : { [key]: String(value) });
    return [{ setting, ...shown('from', from), ...shown('to', to), applies, why: live ? throttled : opened }];
  };
  const limit = (limits: DiskLimits | undefined, name: keyof DiskLimits) => {
    const value = limits?.[name];
    return value !== undefined && name.endsWith('Bytes') ? `${formatBytes(value)}/s` : value;
  };
  return [
    ...(['bus', 'cache', 'readOnly'] as const).flatMap((key) => one(key, had[key], device[key], false)),
    ...diskLimitNames.flatMap((name) =>
      one(`limits.${name}`, limit(had.limits, name), limit(device.limits, name), true),
    ),
  ];
}
