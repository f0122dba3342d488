import { describe, expect, it } from 'vitest';
import { run } from '../../process/run.ts';
import { initScript, SELFTEST_LINE } from './init-script.ts';
import { kernelArgs, selftestArgs } from './kernel-args.ts';
import { loadOrder } from './modules.ts';
import { writeNewc } from './newc.ts';

describe('loadOrder', () => {
  const modulesDep = [
    'kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko',
    'kernel/drivers/virtio/virtio_ring.ko:',
    'kernel/drivers/net/virtio_net.ko.xz: kernel/net/core/failover.ko kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko',
    'kernel/net/core/failover.ko:',
    'kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko',
    'kernel/a.ko: kernel/b.ko',
    'kernel/b.ko: kernel/a.ko',
    '',
  ].join('\n');

  it('puts every module after what it needs, once, over several lists', () => {
    const loaded = new Set<string>();
    expect(loadOrder(modulesDep, ['virtio_net'], loaded)).toEqual([
      'kernel/net/core/failover.ko',
      'kernel/drivers/virtio/virtio_ring.ko',
      'kernel/drivers/virtio/virtio.ko',
      'kernel/drivers/net/virtio_net.ko.xz',
    ]);
    expect(loadOrder(modulesDep, ['virtio_rng', 'virtio_net'], loaded)).toEqual([
      'kernel/drivers/char/hw_random/virtio-rng.ko',
    ]);
  });
  it('leaves out what is built in, and ends with modules that need each other', () => {
    expect(loadOrder(modulesDep, ['ext4'], new Set())).toEqual([]);
    expect(loadOrder(modulesDep, ['a'], new Set()).sort()).toEqual(['kernel/a.ko', 'kernel/b.ko']);
  });
});

describe('writeNewc', () => {
  it('writes what cpio reads: modes, links, folders, joined archives', async () => {
    const archive = Buffer.concat([
      writeNewc([{ path: 'root/.ssh/keys', mode: 0o600, content: 'k' }], { 'root/.ssh': 0o700 }),
      writeNewc([{ path: 'etc/link', link: true, content: '/x' }]),
    ]);
    expect(archive.length % 4).toBe(0);
    const list = (bytes: Buffer) => run(['cpio', '--list', '--verbose', '--quiet'], { stdin: bytes });
    const { stdout } = await list(archive);
    expect(stdout).toMatch(/^drwxr-xr-x .* root$/m);
    expect(stdout).toMatch(/^drwx------ .* root\/.ssh$/m);
    expect(stdout).toMatch(/^-rw------- +1 root +root +1 .* root\/.ssh\/keys$/m);
    const second = archive.subarray(archive.indexOf('TRAILER!!!') + 12);
    expect((await list(second.subarray(second.indexOf('070701')))).stdout).toMatch(
      /^lrwxrwxrwx .* etc\/link -> \/x$/m,
    );
  });
  it('is the same for the same entries', () => {
    const entries = [{ path: 'a/b', content: 'c' }];
    expect(writeNewc(entries).equals(writeNewc(entries))).toBe(true);
  });
});

describe('the init script', () => {
  it('is one that busybox understands', async () => {
    await run(['busybox', 'sh', '-n'], { stdin: initScript });
  });
  it('says the line that the self-test waits for', () => {
    expect(initScript).toContain(`echo "${SELFTEST_LINE}"`);
  });
});

describe('kernelArgs', () => {
  it('leaves mitigations on under KVM', () => {
    expect(kernelArgs({ kernel: 'node' }, 'kvm')).toBe('console=ttyS0 net.ifnames=0 quiet root=/dev/vda rw');
    expect(kernelArgs({ kernel: 'node' }, 'tcg')).toContain('mitigations=off');
    expect(kernelArgs({ kernel: 'node' }, 'tcg')).toContain(' clocksource=acpi_pm ');
  });
  it('lets the user’s words win by coming last', () => {
    const args = kernelArgs({ kernel: 'node', root: '/dev/vda1', args: 'ro quiet' }, 'kvm');
    expect(args.endsWith('root=/dev/vda1 rw ro quiet')).toBe(true);
  });
  it('gives the self-test no root', () => {
    expect(selftestArgs('tcg')).not.toContain('root=');
  });
});
