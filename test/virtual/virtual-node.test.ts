/** The virtual node itself: what namespaces on a shared machine do not have is there. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GANTRY } from '../lab/cluster.ts';
import { succeed } from '../lab/run.ts';
import { startVirtualNode, type VirtualNode } from '../lab/virtual-node.ts';

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
