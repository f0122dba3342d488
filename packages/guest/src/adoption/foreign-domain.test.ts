import { describe, expect, test } from 'vitest';
import { parseXml } from '../xml/parser.ts';
import { markedText, readForeign, unmarkedText } from './foreign-domain.ts';

const UUID = '0d6c4f58-5a3e-4d3c-9f60-7d8c3a6f1f10';
const domain = (devices: string, rest = '', type = 'kvm') =>
  parseXml(
    `<domain type="${type}"><name>mail</name><uuid>${UUID}</uuid><memory unit="KiB">1048577</memory><vcpu>2</vcpu>${rest}<devices>${devices}</devices></domain>`,
  );
const kept = (devices: string, rest = '') =>
  readForeign(domain(devices, rest)).kept.map(({ path, why }) => `${path}: ${why}`);

describe('what is counted of a foreign domain', () => {
  test('memory is rounded up to MiB, CPUs are the most it can have', () => {
    expect(readForeign(domain(''))).toMatchObject({ vcpus: 2, memoryMiB: 1025, obstacles: [] });
  });

  test.each([
    ['<disk type="file"><source file="/a.qcow2"/><target dev="vda"/></disk>', '/a.qcow2', false],
    ['<disk type="block" device="lun"><source dev="/dev/sdb"/><target dev="sda"/></disk>', '/dev/sdb', false],
    [
      '<disk type="network"><source protocol="rbd" name="pool/img"/><target dev="vda"/></disk>',
      'rbd:pool/img',
      false,
    ],
    [
      '<disk type="network"><source protocol="iscsi" name="iqn.x/1"/><target dev="vda"/><shareable/></disk>',
      'iscsi:iqn.x/1',
      true,
    ],
    [
      '<disk type="volume"><source pool="p" volume="v"/><target dev="vda"/><readonly/></disk>',
      'volume:p/v',
      true,
    ],
    ['<disk type="file" device="cdrom"><target dev="sda"/></disk>', undefined, true],
  ])('a disk is known by its storage: %s', (xml, source, shared) => {
    const [disk] = readForeign(domain(xml)).disks;
    expect(disk?.source).toBe(source);
    expect(disk?.shared).toBe(shared);
  });

  test('a PCI device of the node is claimed by its address', () => {
    const xml =
      '<hostdev mode="subsystem" type="pci"><source><address domain="0x0000" bus="0x03" slot="0x1f" function="0x2"/></source></hostdev>';
    expect(readForeign(domain(xml)).pciDevices).toEqual(['0000:03:1f.2']);
  });

  test('a NIC is known by MAC and link', () => {
    const nic = (type: string, source: string) =>
      `<interface type="${type}"><mac address="52:54:00:AA:BB:CC"/><source ${source}/></interface>`;
    const nics = (xml: string) => readForeign(domain(xml)).nics;
    expect(nics(nic('bridge', 'bridge="br0"'))).toEqual([
      { mac: '52:54:00:aa:bb:cc', source: 'bridge br0', bridge: 'br0' },
    ]);
    expect(nics(nic('direct', 'dev="eth0" mode="bridge"'))[0]?.source).toBe('direct eth0');
    expect(nics(nic('vhostuser', 'type="unix" path="/run/vhu"'))[0]?.source).toBe('vhostuser /run/vhu');
  });
});

describe('what no setting says is told', () => {
  test.each([
    ['<graphics type="spice"/>', 'graphics', 'VNC only'],
    ['<filesystem type="mount"/>', 'filesystem', 'ties the guest'],
    ['<interface type="direct"><mac address="52:54:00:00:00:01"/></interface>', 'interface', 'macvtap'],
    [
      '<interface type="bridge"><mac address="52:54:00:00:00:01"/><filterref filter="x"/></interface>',
      'interface',
      'filterref',
    ],
    ['<channel type="spicevmc"/>', 'channel', 'no setting makes'],
    ['<emulator>/opt/qemu/bin/qemu</emulator>', 'emulator', 'usual'],
    ['<gizmo/>', 'gizmo', 'no setting of Gantry’s says it'],
    ['<disk type="file"><source file="/a"/><target dev="vda"/></disk>', 'disk', 'never moved'],
  ])('%s', (xml, name, why) => {
    const all = kept(xml);
    expect(all).toHaveLength(1);
    expect(all[0]).toContain(`/domain/devices/${name}`);
    expect(all[0]).toContain(why);
  });

  test('words for QEMU itself, pins, and endings chosen by hand', () => {
    const rest =
      '<qemu:commandline xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><qemu:arg value="-s"/></qemu:commandline>' +
      '<cputune><vcpupin vcpu="0" cpuset="1"/></cputune><on_poweroff>restart</on_poweroff>';
    expect(kept('', rest).map((each) => each.split(': ')[0])).toEqual([
      '/domain/qemu:commandline',
      '/domain/cputune',
      '/domain/on_poweroff',
    ]);
  });

  test('what settings could say too is not', () => {
    const xml =
      '<emulator>/usr/bin/qemu-system-x86_64</emulator><controller type="usb"/><input type="mouse"/>' +
      '<interface type="bridge"><mac address="52:54:00:00:00:01"/><source bridge="br0"/></interface>' +
      '<serial type="pty"/><rng model="virtio"/><memballoon model="virtio"/>';
    expect(kept(xml, '<features><acpi/></features><clock offset="utc"/>')).toEqual([]);
  });

  test('thousands of them are counted, not told one by one', () => {
    const parts = readForeign(domain('<gizmo/>'.repeat(5_000))).kept;
    expect(parts).toHaveLength(200);
    expect(parts.at(-1)?.value).toBe('4801 more');
  });

  test('long and unclean words are shown on one line, cut', () => {
    const [part] = readForeign(domain(`<gizmo><a>&#10;\t${'x'.repeat(9_999)}</a></gizmo>`)).kept;
    expect(part?.value.length).toBeLessThanOrEqual(200);
    expect(part?.value).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe('what stands in the way', () => {
  test('another hypervisor', () => {
    expect(readForeign(domain('', '', 'lxc')).obstacles).toEqual(['it is of type lxc, and Gantry runs QEMU']);
  });

  test('control characters in a disk’s path', () => {
    const xml = '<disk type="file"><source file="/a&#10;b"/><target dev="vda"/></disk>';
    expect(readForeign(domain(xml)).obstacles).toEqual([
      'its name or the path of a disk has control characters',
    ]);
  });
});

describe('the mark of a cluster', () => {
  const identity = { cluster: 'c', instance: UUID, epoch: { incarnation: 0, number: 3 }, name: 'mail' };

  test('marked and unmarked again it is as before, other people’s metadata too', () => {
    for (const rest of ['', '<metadata><m:x xmlns:m="urn:other">1</m:x></metadata>']) {
      const before = domain('<rng model="virtio"/>', rest);
      const marked = parseXml(markedText(before, identity));
      expect(unmarkedText(marked)).not.toContain('gantry');
      expect([...unmarkedText(marked)].toSorted()).toEqual([...unmarkedText(before)].toSorted());
      expect(markedText(marked, identity)).toBe(markedText(before, identity));
    }
  });
});
