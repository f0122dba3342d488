/** The journal cannot be written: nothing is done whose beginning is not on the disk, and nothing that was done is lost. */
import { afterEach, expect, test } from 'vitest';
import { actOf, assignmentsOf, domainOf, guestOf, ids, observationOf } from '../testing/assignments.ts';
import { type TestAgent, testAgent } from '../testing/test-agent.ts';

let agent: TestAgent;
afterEach(() => agent.stop());

async function running(): Promise<void> {
  agent = await testAgent(assignmentsOf(), observationOf({ domains: [domainOf('running')] }));
  await agent.pass(100);
  expect(agent.guest()).toMatchObject({ state: 'running' });
}
async function assign(change: Parameters<typeof assignmentsOf>[0]): Promise<void> {
  agent.assignments = assignmentsOf(change);
  agent.state.fetch.set();
  await agent.pass(100);
}
const did = (what: string) => agent.actions.filter((action) => action.do === what).length;
const act = () => agent.state.statuses.find((status) => status.kind === 'act')?.status;
const conditions = () => agent.reports.findLast(({ node }) => node)?.node?.conditions ?? [];

test('an act waits until its beginning can be kept, and is done then, once', async () => {
  await running();
  agent.full = true;
  await assign({ acts: [actOf()] });
  await agent.pass(5000);
  expect(did('act.perform')).toBe(0);
  agent.full = false;
  await agent.pass(5000);
  expect(did('act.perform')).toBe(1);
  expect(act()).toMatchObject({ state: 'done' });
  expect(agent.kept()?.acts[ids.act]).toMatchObject({ state: 'done' });
});

test('what was done counts as done, and is kept as soon as there is room', async () => {
  await running();
  agent.perform = () => {
    agent.full = true;
  };
  await assign({ acts: [actOf()] });
  await agent.pass(5000);
  expect(agent.kept()?.acts[ids.act]).toMatchObject({ state: 'begun' });
  agent.full = false;
  await agent.pass(5000);
  expect(did('act.perform')).toBe(1);
  expect(act()).toMatchObject({ state: 'done' });
  expect(agent.kept()?.acts[ids.act]).toMatchObject({ state: 'done' });
});

test('restarts that could not begin are not counted', async () => {
  await running();
  agent.full = true;
  agent.observation = observationOf({ domains: [domainOf('shutoff', 'crashed')] });
  await agent.tell('crash');
  await agent.pass(60_000);
  expect(did('guest.start')).toBe(0);
  agent.perform = ({ do: what }) => {
    if (what === 'guest.start') agent.observation = observationOf({ domains: [domainOf('running')] });
  };
  agent.full = false;
  await agent.pass(2000);
  expect(did('guest.start')).toBe(1);
});

test('its node tells of it, and what to do', async () => {
  await running();
  agent.full = true;
  await assign({ guests: [guestOf({ power: 'stopped' }, 2)] });
  await agent.pass(12_000);
  expect(did('guest.shutdown')).toBe(0);
  expect(conditions()).toContainEqual(
    expect.objectContaining({
      type: 'JournalKept',
      status: 'false',
      message: expect.stringMatching(/no space left.*[Ff]ree space/),
    }),
  );
  agent.full = false;
  await agent.pass(12_000);
  expect(did('guest.shutdown')).toBeGreaterThan(0);
  expect(conditions().map(({ type }) => type)).not.toContain('JournalKept');
});
