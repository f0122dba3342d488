import { LibvirtError, TransportError, virErrorNumber } from '@gantry/libvirt';
import { err, isGantryError } from '@gantry/model';
import { expect, test } from 'vitest';
import { translate } from './libvirt-errors.ts';

const libvirt = (name: keyof typeof virErrorNumber, message: string, call = 'domainCreateWithFlags') =>
  new LibvirtError({ code: virErrorNumber[name], domain: 10, level: 2, message, call });

const iommu =
  'internal error: process exited while connecting to monitor: 2026-11-21T06:24:58.839709Z qemu-system-x86_64: -device {"driver":"intel-iommu"}: eim=on requires accel=kvm,kernel-irqchip=split\n';

test.each([
  [
    libvirt('VIR_ERR_INTERNAL_ERROR', iommu),
    'qemu_refused',
    'QEMU does not start this guest: -device {"driver":"intel-iommu"}: eim=on requires accel=kvm,kernel-irqchip=split',
  ],
  [
    libvirt('VIR_ERR_INTERNAL_ERROR', 'qemu unexpectedly closed the monitor'),
    'hypervisor_error',
    'libvirt refused domainCreateWithFlags: qemu unexpectedly closed the monitor',
  ],
  [
    libvirt('VIR_ERR_INTERNAL_ERROR', 'internal error: qemu unexpectedly closed the monitor: '),
    'qemu_refused',
    'QEMU does not start this guest: it ended without a word',
  ],
  [
    libvirt('VIR_ERR_CONFIG_UNSUPPORTED', 'unsupported configuration: no TPM', 'domainDefineXmlFlags'),
    'config_refused',
    'libvirt cannot build this guest: unsupported configuration: no TPM',
  ],
  [
    libvirt('VIR_ERR_CONFIG_UNSUPPORTED', 'not a matter of a guest', 'connectGetCapabilities'),
    'hypervisor_error',
    'libvirt refused connectGetCapabilities: not a matter of a guest',
  ],
  [
    Object.assign(new Error('x'), { code: 'ENOSPC', path: '/srv' }),
    'no_space',
    expect.stringContaining('/srv'),
  ],
])('%s', (error, code, message) => {
  const translated = translate(error, 'n1');
  expect(translated).toMatchObject({ code, message });
  expect(isGantryError(translated) && translated.cause).toBe(error);
});

test('what is Gantry’s own, or nobody’s, stays', () => {
  const own = err('guest_refused', { why: 'x' });
  const bug = new TypeError('x');
  expect(translate(own, 'n1')).toBe(own);
  expect(translate(bug, 'n1')).toBe(bug);
  expect(translate(new TransportError('CLOSED', 'gone'), 'n1')).toMatchObject({
    code: 'hypervisor_unreachable',
  });
  const late = new TransportError('TIMEOUT', 'no answer within 30000 ms', { call: 'domainGetInfo' });
  expect(translate(late, 'n1')).toMatchObject({
    code: 'hypervisor_slow',
    message: 'libvirt on n1 has not answered yet: domainGetInfo: no answer within 30000 ms',
  });
});

test('memory that cannot be locked: what is missing, and the setting that asked for it', () => {
  const said = 'cannot limit locked memory of process 4711 to 268435456: Operation not permitted';
  expect(translate(libvirt('VIR_ERR_SYSTEM_ERROR', said), 'n1')).toMatchObject({
    code: 'host_unfit',
    message: expect.stringMatching(/hw:locked_memory.*Operation not permitted/),
    hint: expect.stringContaining('CAP_SYS_RESOURCE'),
  });
});
