import { afterEach, describe, expect, test } from 'vitest';
import { assignmentsOf, domainOf, guestOf, observationOf } from '../testing/assignments.ts';
import { type TestAgent, testAgent } from '../testing/test-agent.ts';

let agent: TestAgent;
afterEach(() => agent.stop());

const life = { ...guestOf().spec.life, onCrash: 'stop' } as const;
const linux = '[    0.000000] Linux version 6.1.0\n[    1.1] audit: type=1130\n';
const panic = '[    2.0] Kernel panic - not syncing: VFS\n';

async function running(change: Parameters<typeof guestOf>[0] = { life }): Promise<void> {
  const observation = observationOf({ domains: [domainOf('running')] });
  agent = await testAgent(assignmentsOf({ guests: [guestOf(change)] }), observation);
  await agent.pass(100);
}
const reasons = () => agent.guest()?.conditions?.map(({ reason }) => reason) ?? [];
const told = () =>
  agent.reports.flatMap(({ events = [] }) => events).filter(({ type }) => type === 'guest.trouble').length;
const disk = { ...guestOf().spec.input, boot: { kernel: 'disk' as const } };

describe('a console', () => {
  test('a panic is a condition, told once, over many looks', async () => {
    await running();
    agent.console = linux;
    await agent.pass(2500);
    expect(reasons()).toEqual([]);
    agent.console += panic;
    await agent.pass(10_000);
    expect(reasons()).toEqual(['KernelPanic']);
    expect(told()).toBe(1);
  });

  test('a boot that stands still: after the time that is too long, and gone when it goes on', async () => {
    await running();
    agent.console = linux;
    await agent.pass(28_000);
    expect(reasons()).toEqual([]);
    await agent.pass(8000);
    expect(reasons()).toEqual(['EntropyMissing']);
    agent.console += '[   40.1] random: crng init done\n';
    await agent.pass(2500);
    expect(reasons()).toEqual([]);
  });

  test('a reboot inside QEMU forgets what was said before it, and not what is said after', async () => {
    await running();
    agent.console = panic;
    await agent.tell('guest-reboot');
    await agent.pass(5000);
    expect(reasons()).toEqual([]);
    agent.console += panic;
    await agent.pass(2500);
    expect(reasons()).toEqual(['KernelPanic']);
  });

  test('what was found stays while the guest is down', async () => {
    await running();
    agent.console = panic;
    await agent.pass(2500);
    agent.observation = observationOf({ domains: [domainOf('shutoff', 'crashed')] });
    await agent.tell('panic');
    await agent.pass(5000);
    expect(agent.guest()).toMatchObject({ state: 'crashed' });
    expect(reasons()).toEqual(['KernelPanic']);
  });

  test('binary rubbish and lines without end find nothing', async () => {
    await running();
    agent.console = '\u0000\u00ff\u001b[2J'.repeat(20_000);
    await agent.pass(5000);
    expect(reasons()).toEqual([]);
  });
});

describe('a screen', () => {
  const bare = 'No bootable device.';

  test('is looked at while a guest that boots its disk says nothing on its console', async () => {
    await running({ life, input: disk });
    agent.screen = ['SeaBIOS (version 1.16.2)', '', bare];
    await agent.pass(7000);
    expect(agent.guest()?.conditions).toMatchObject([{ type: 'BootDiskFound', reason: 'NoBootableDisk' }]);
  });

  test('is left alone once the console speaks, and with a kernel of the node', async () => {
    await running({ life, input: disk });
    agent.console = 'GRUB loading.\n';
    agent.screen = [bare];
    await agent.pass(30_000);
    expect(reasons()).toEqual([]);
    await agent.stop();
    await running();
    agent.screen = [bare];
    await agent.pass(30_000);
    expect(reasons()).toEqual([]);
  });
});

describe('the agent inside', () => {
  const inside = { agent: 'answers', interfaces: [{ name: 'eth0', addresses: ['10.0.0.7/24'] }] } as const;

  test('is asked soon, then seldom; of a guest that is down nothing is known', async () => {
    await running();
    const answer = structuredClone(inside) as unknown as TestAgent['inside'];
    agent.inside = answer;
    await agent.pass(45_000);
    expect(agent.guest()?.inside).toEqual(inside);
    agent.observation = observationOf({ domains: [domainOf('shutoff', 'crashed')] });
    await agent.tell('crash');
    await agent.pass(10_000);
    expect(agent.guest()?.inside).toBeUndefined();
  });
});
