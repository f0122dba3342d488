/** Where a rescue disk goes that leaves the guest’s own disks in their places. */
import type { GuestInput, RescueDrive } from '@gantry/model';
import { beforeAll, describe, expect, test } from 'vitest';
import { DISK, guestInput, hostContext } from '../test/fixtures.ts';
import { loadDomainSchema } from '../test/libvirt-schema.ts';
import { compileGuest, renderDomain } from './compile.ts';
import { rescueDriveOf } from './specs/rescue.ts';
import { descend, elements } from './xml/element.ts';
import { parseXml } from './xml/parser.ts';

const RESCUE = 'b7d2a1f0-0000-4000-8000-000000000002';
type Disk = GuestInput['disks'][number];
const sized = { template: 'file-qcow2', sizeBytes: 2 ** 30 } as const;
const own = { id: DISK, ...sized, index: 0 } as Disk;

let validate: (xml: string) => void;
beforeAll(() => {
  validate = loadDomainSchema();
});

function disksOf(rescue: RescueDrive, change: Partial<GuestInput> = {}, at = 1): string[] {
  const disks = [own, { id: RESCUE, ...sized, index: at, rescue } as Disk];
  const input = guestInput({ boot: { kernel: 'disk' }, disks, ...change });
  const file = (path: string) => ({ path, format: 'qcow2' as const });
  const xml = renderDomain(
    compileGuest(input, hostContext({ disks: { [DISK]: file('/own'), [RESCUE]: file('/rescue') } })),
  );
  validate(xml);
  return elements(descend(parseXml(xml), 'devices'), 'disk').map((disk) => {
    const says = (path: string, name: string) => descend(disk, path)?.attributes[name];
    const order = says('boot', 'order');
    const [device, writes] = [disk.attributes['device'], descend(disk, 'readonly') ? 'reads' : 'writes'];
    return `${device} ${says('target', 'bus')} ${says('target', 'dev')} ${writes}${order ? ` boots ${order}` : ''}`;
  });
}

const vda = 'disk virtio vda writes';

test.each<[RescueDrive, Partial<GuestInput>, string]>([
  [{ device: 'disk' }, {}, 'disk virtio vdb writes boots 1'],
  [{ device: 'disk', bus: 'usb' }, {}, 'disk usb sda writes boots 1'],
  [{ device: 'disk', bus: 'scsi' }, {}, 'disk scsi sda writes boots 1'],
  [{ device: 'disk', bus: 'ide' }, {}, 'disk ide hda writes boots 1'],
  [{ device: 'cdrom' }, {}, 'cdrom ide hda reads boots 1'],
  [{ device: 'cdrom' }, { imageProperties: { hw_machine_type: 'q35' } }, 'cdrom sata sda reads boots 1'],
  [{ device: 'cdrom', bus: 'usb' }, {}, 'cdrom usb sda reads boots 1'],
])('%j %j: %s', (rescue, change, second) => {
  expect(disksOf(rescue, change)).toEqual([vda, second]);
});

test('behind a gap that a disk left, and on the bus of the guest’s own disks', () => {
  expect(disksOf({ device: 'disk' }, {}, 3)[1]).toBe('disk virtio vdd writes boots 1');
  const imageProperties = { hw_disk_bus: 'scsi' };
  expect(disksOf({ device: 'disk' }, { imageProperties })[1]).toBe('disk scsi sdb writes boots 1');
  expect(disksOf({ device: 'disk', bus: 'usb' }, { imageProperties })[1]).toBe('disk usb sdb writes boots 1');
});

test('it boots whatever lies in a CD drive; for once something else may', () => {
  const cds = [{ slot: 0 }];
  const [, rescue, cd] = disksOf({ device: 'cdrom' }, { cds });
  expect([rescue, cd]).toEqual(['cdrom ide hda reads boots 1', 'cdrom ide hdaa reads']);
  const once = disksOf({ device: 'disk' }, { bootOrder: ['disk0'] });
  expect(once).toEqual([`${vda} boots 1`, 'disk virtio vdb writes']);
});

test('what the machine has not is refused', () => {
  const q35 = { imageProperties: { hw_machine_type: 'q35' } };
  expect(() => disksOf({ device: 'disk', bus: 'ide' }, q35)).toThrow(/IDE, which a q35 machine has not/);
});

describe('an image', () => {
  test.each<[Record<string, string>, RescueDrive | undefined]>([
    [{ hw_disk_bus: 'scsi' }, undefined],
    [{ hw_rescue_bus: 'usb' }, { device: 'disk', bus: 'usb' }],
    [{ hw_rescue_device: 'cdrom' }, { device: 'cdrom' }],
    [
      { hw_rescue_device: 'cdrom', hw_rescue_bus: 'sata' },
      { device: 'cdrom', bus: 'sata' },
    ],
  ])('%j: %j', (properties, drive) => {
    expect(rescueDriveOf(properties)).toEqual(drive);
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ hw_rescue_device: 'floppy' }, /no floppy drives/],
    [{ hw_rescue_device: 'lun' }, /a rescue disk is a file/],
    [{ hw_rescue_bus: 'fdc' }, /for floppy drives/],
    [{ hw_rescue_device: 'cdrom', hw_rescue_bus: 'virtio' }, /no CD drives on it/],
    [{ hw_rescue_bus: 'xen' }, /another hypervisor/],
  ])('%j is refused', (properties, why) => {
    expect(() => rescueDriveOf(properties)).toThrow(why);
  });
});
