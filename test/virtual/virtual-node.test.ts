/** The virtual node itself: what namespaces on a shared machine do not have is there. */
import type { Instance, Node } from '@gantry/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GANTRY } from '../lab/cluster.ts';
import { succeed } from '../lab/run.ts';
import { tinyGuestImage } from '../lab/tiny-guest.ts';
import { startVirtualNode, type VirtualNode } from '../lab/virtual-node.ts';
import { until } from '../lab/wait.ts';

let node: VirtualNode;
beforeAll(async () => {
  node = await startVirtualNode();
});
afterAll(() => node.stop());

test('libvirtd is a unit of systemd and may raise limits', async () => {
  expect(await node.exec('systemctl', 'is-system-running')).toBe('running\n');
  expect(await node.exec('virsh', '-c', 'qemu:///system', 'version')).toMatch(
    /^Running hypervisor: QEMU \d/m,
  );
  const pid = (await node.exec('systemctl', 'show', '--property=MainPID', '--value', 'libvirtd')).trim();
  const status = await node.exec('cat', `/proc/${pid}/status`);
  const effective = BigInt(`0x${/^CapEff:\s+(\S+)$/m.exec(status)?.[1]}`);
  const CAP_SYS_RESOURCE = 24n;
  expect((effective >> CAP_SYS_RESOURCE) & 1n).toBe(1n);
});

test('it runs this checkout, and sees no network', async () => {
  expect(await node.exec('gantry', '--version')).toBe(await succeed([GANTRY, '--version']));
  expect((await node.run(['ip', 'route', 'get', '192.0.2.1'])).code).not.toBe(0);
});

test('a command’s words, input, output and exit code pass as they are', async () => {
  expect(await node.exec('printf', '%s|', "it's", '$HOME', 'a b', '')).toBe("it's|$HOME|a b||");
  const ran = await node.run(['sh', '-c', 'cat; echo wrong >&2; exit 3'], { input: 'in\n' });
  expect(ran).toEqual({ code: 3, stdout: 'in\n', stderr: 'wrong\n' });
});

describe('locked memory', () => {
  const MEMORY_MIB = 64;
  const gantry = (...args: string[]): Promise<string> => node.exec('gantry', ...args);
  const json = async <T>(...args: string[]): Promise<T> =>
    JSON.parse(await gantry(...args, '-o', 'json')) as T;

  beforeAll(async () => {
    const input = tinyGuestImage().toString('base64');
    await node.run(['sh', '-c', 'base64 -d >/var/tmp/tiny.raw'], { input });
    const init = ['cluster', 'init', '--yes', '--name', 'lab', '--node', 'node1'];
    // On a busy machine it may give up waiting; a further run completes what is missing.
    await until('the cluster', () => gantry(...init), { limitMs: 900_000 });
    await gantry('image', 'import', '/var/tmp/tiny.raw', 'tiny');
  });

  /** @returns what the kernel says of its QEMU: memory in KiB */
  async function guest(name: string, specs: readonly string[]): Promise<Record<'VmLck' | 'VmRSS', number>> {
    const sizes = ['--vcpus', '1', '--memory', `${MEMORY_MIB}M`, '--disk', '64M'];
    await gantry('flavor', 'create', name, ...sizes, ...specs.flatMap((one) => ['--property', one]));
    const words = ['--image', 'tiny', '--flavor', name, '--nic', 'default,ip=none'];
    await gantry('instance', 'create', name, ...words);
    const { id } = await json<Instance>('instance', 'show', name);
    const pid = (await node.exec('pgrep', '--full', `^[^ ]*qemu-system.*${id}`)).trim();
    const status = await node.exec('cat', `/proc/${pid}/status`);
    const kib = (line: string) => Number(new RegExp(`^${line}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
    return { VmLck: kib('VmLck'), VmRSS: kib('VmRSS') };
  }

  test('the node says that it can', async () => {
    const { status } = await json<Node>('node', 'show', 'node1');
    expect(status.facts?.hardware?.abilities.lockedMemory.usable).toBe(true);
  });

  test('all memory of a guest that asks for it is locked, and there', async () => {
    const locked = await guest('locked', ['hw:locked_memory=true', 'hw:mem_page_size=small']);
    expect(locked.VmLck).toBeGreaterThanOrEqual(MEMORY_MIB * 1024);
    expect(locked.VmRSS).toBeGreaterThanOrEqual(MEMORY_MIB * 1024);
  });

  test('none of one that does not ask is locked', async () => {
    expect((await guest('plain', ['hw:mem_page_size=small'])).VmLck).toBe(0);
  });
});
