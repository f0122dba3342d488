import { describe, expect, it } from 'vitest';
import { assignmentsOf, domainOf, guestOf, ids, inputOf, observationOf } from '../testing/assignments.ts';
import { plan } from './plan.ts';

const actionsOf = (change: Parameters<typeof inputOf>[0]) => plan(inputOf(change)).actions.map((a) => a.do);
const none = { filters: [] };
const stale = { filters: [{ instance: ids.instance as string, text: 'gt0000000000n0 another\n' }] };

describe('filters of guests', () => {
  it('stand before the guest starts', () => {
    expect(actionsOf({ observation: observationOf(none) })).toEqual(['filter.ensure']);
    expect(actionsOf({ observation: observationOf(stale) })).toEqual(['filter.ensure']);
    expect(actionsOf({})).toEqual(['guest.start']);
  });
  it('are put back under a running guest', () => {
    const observation = observationOf({ ...none, domains: [domainOf('running')] });
    expect(actionsOf({ observation })).toEqual(['filter.ensure']);
  });
  it('stay while a guest that should be down runs', () => {
    const assignments = assignmentsOf({ guests: [guestOf({ power: 'stopped' })] });
    const observation = observationOf({ domains: [domainOf('running')] });
    expect(actionsOf({ assignments, observation })).toEqual(['guest.shutdown']);
  });
  it('go when it is down', () => {
    const assignments = assignmentsOf({ guests: [guestOf({ power: 'stopped' })] });
    const observation = observationOf({ domains: [domainOf('shutoff')] });
    expect(actionsOf({ assignments, observation })).toEqual(['filter.remove']);
  });
  it('go with what nobody knows, unless it runs or nobody can say', () => {
    const assignments = assignmentsOf({ guests: [], replicas: [], attachments: [] });
    expect(actionsOf({ assignments })).toContain('filter.remove');
    const running = observationOf({ domains: [domainOf('running')] });
    expect(actionsOf({ assignments, observation: running })).not.toContain('filter.remove');
    const unknown = observationOf({ libvirt: false });
    expect(actionsOf({ assignments, observation: unknown })).not.toContain('filter.remove');
  });
  it('are not looked at while the guest is being started', () => {
    const assignments = assignmentsOf({ guests: [guestOf({ power: 'stopped' })] });
    const busy = new Set([`guest:${ids.instance}`]);
    expect(actionsOf({ assignments, busy })).not.toContain('filter.remove');
  });
});
