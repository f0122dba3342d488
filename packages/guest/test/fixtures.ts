/** A Debian guest and a node, to vary in tests. */
import type { GuestInput } from '@gantry/model';
import type { HostContext } from '../src/index.ts';

export const INSTANCE = '8d5f0a52-6c0d-4f0f-9d54-1c2f6f5ad001';
export const DISK = '155d900f-4e14-4e4c-a73d-069cbf4541e6';

export const guestInput = (changes: Partial<GuestInput> = {}): GuestInput => ({
  name: 'hello',
  vcpus: 1,
  memoryMiB: 512,
  extraSpecs: {},
  imageProperties: {},
  policies: [],
  boot: { kernel: 'node' },
  disks: [{ id: DISK as GuestInput['disks'][number]['id'], template: 'file-qcow2', sizeBytes: 2 ** 30 }],
  nics: [{ bridge: 'gbr0', mac: '52:54:00:12:34:56', mtu: 1500, dhcp: true }],
  personality: {},
  cloudInit: false,
  ...changes,
});

export const hostContext = (changes: Partial<HostContext> = {}): HostContext => ({
  uuid: INSTANCE,
  cluster: '3f0f27d8-7b3c-4a1e-8e0b-2a3c4d5e6f70',
  epoch: { incarnation: 1, number: 7 },
  architecture: 'x86_64',
  accelerator: 'tcg',
  emulator: '/usr/bin/qemu-system-x86_64',
  disks: { [DISK]: { path: '/var/lib/gantry/agent/storage/disk.qcow2', format: 'qcow2' } },
  directIo: true,
  kernel: '/var/lib/gantry/agent/guests/hello/kernel',
  initrd: '/var/lib/gantry/agent/guests/hello/initrd',
  commandLine: 'console=ttyS0 quiet root=/dev/vda rw',
  consoleLog: '/var/lib/gantry/agent/guests/hello/console.log',
  agentSocket: '/var/lib/gantry/agent/guests/hello/run/agent.sock',
  vncSocket: '/var/lib/gantry/agent/guests/hello/run/vnc.sock',
  ...changes,
});
