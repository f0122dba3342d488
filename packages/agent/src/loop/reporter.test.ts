import { err } from '@gantry/model';
import { afterEach, expect, test } from 'vitest';
import { assignmentsOf, domainOf, guestOf, observationOf } from '../testing/assignments.ts';
import { type TestAgent, testAgent } from '../testing/test-agent.ts';
import { logTo } from './state.ts';

let agent: TestAgent;
afterEach(() => agent.stop());

const MIB = 2 ** 20;
const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

async function running(): Promise<void> {
  agent = await testAgent(assignmentsOf(), observationOf({ domains: [domainOf('running')] }));
  await agent.pass(100);
}

/** Lines of an operation that arrived, in order. */
const lines = (operation: string) =>
  agent.reports.flatMap(({ log = [] }) =>
    log.filter((each) => each.operation === operation).flatMap((each) => each.lines.map(({ text }) => text)),
  );

test('output of many operations goes in reports of a size that is taken, all of it', async () => {
  await running();
  const operations = Array.from({ length: 6 }, (_, index) => `operation-${index}`);
  const at = new Date(0).toISOString();
  const text = (index: number) => `${index} `.padEnd(4096, '\u001b');
  for (const operation of operations)
    for (let index = 0; index < 1500; index++)
      logTo(agent.state, operation, { at, level: 'output', text: text(index) });
  await agent.pass(30_000);
  for (const operation of operations)
    expect(lines(operation)).toEqual(Array.from({ length: 1500 }, (_, index) => text(index)));
  expect(Math.max(...agent.reports.map(sizeOf))).toBeLessThan(8 * MIB);
  for (const { log = [] } of agent.reports)
    for (const each of log) expect(each.lines.length).toBeLessThanOrEqual(1000);
});

test('what the controller refuses is told once, and holds up nothing else', async () => {
  await running();
  agent.judge = ({ events = [], statuses }) => {
    if (events.some(({ message }) => message === 'odd')) throw err('invalid_body', { problems: 'events' });
    if (statuses.some(({ kind }) => kind === 'replica')) throw err('invalid_body', { problems: 'statuses' });
  };
  agent.state.events.push({ type: 'guest.odd', level: 'info', message: 'odd' });
  agent.state.tell.set();
  await agent.pass(1000);
  const before = agent.reports.length;
  agent.assignments = assignmentsOf({ guests: [guestOf({ power: 'stopped' }, 2)] });
  agent.observation = observationOf({ domains: [domainOf('shutoff', 'shutdown')], disks: [] });
  agent.state.fetch.set();
  agent.state.events.push({ type: 'guest.fine', level: 'info', message: 'fine' });
  await agent.pass(30_000);
  const after = agent.reports.slice(before);
  expect(after.flatMap(({ statuses }) => statuses)).toContainEqual(
    expect.objectContaining({ kind: 'guest', status: expect.objectContaining({ state: 'stopped' }) }),
  );
  expect(after.some(({ node }) => node !== undefined)).toBe(true);
});

test('a message that is too long is cut', async () => {
  await running();
  await agent.tell('io-error', 'x'.repeat(5000));
  await agent.tell('crash', 'x'.repeat(5000));
  await agent.pass(1000);
  const events = agent.reports.flatMap(({ events: some = [] }) => some);
  expect(events.map(({ message }) => message.length)).toEqual([2048]);
});
