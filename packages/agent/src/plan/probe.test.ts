import { describe, expect, it } from 'vitest';
import {
  assignmentsOf,
  attachmentOf,
  domainOf,
  emptyObservation,
  guestOf,
  ids,
  inputOf,
  observationOf,
} from '../testing/assignments.ts';
import { plan } from './plan.ts';
import { probeText } from './probe.ts';

const probe = ['52:54:00:00:00:01'];
const assignments = assignmentsOf({ guests: [guestOf({ probe })] });
const actionsOf = (change: Parameters<typeof inputOf>[0]) =>
  plan(inputOf({ assignments, ...change })).actions.map((action) => action.do);
const guestStatus = (change: Parameters<typeof inputOf>[0]) =>
  plan(inputOf({ assignments, ...change })).statuses.find(({ kind }) => kind === 'guest')?.status;
const asked = {
  acts: {},
  guests: { [ids.instance]: { restarts: [], probed: probeText(guestOf({ probe }).spec) } },
};

describe('addresses of a new guest', () => {
  it('are asked for while its disk is made, and it waits', () => {
    const observation = { ...emptyObservation, networks: observationOf().networks };
    expect(actionsOf({ observation })).toEqual(['disk.create', 'address.probe', 'filter.ensure']);
    expect(actionsOf({})).toEqual(['address.probe']);
    expect(guestStatus({ busy: new Set([`address:${ids.instance}`]) })).toMatchObject({
      reason: expect.stringContaining('addresses') as string,
    });
  });
  it('are asked for on networks that stand', () => {
    const networks = [
      { network: ids.network, bridge: 'gantry0', ready: false, leases: '', spec: attachmentOf().spec },
    ];
    expect(actionsOf({ observation: observationOf({ networks }) })).not.toContain('address.probe');
  });
  it('are asked for once', () => {
    expect(actionsOf({ memory: asked })).toEqual(['guest.start']);
    expect(
      actionsOf({ memory: asked, observation: observationOf({ domains: [domainOf('shutoff')] }) }),
    ).toEqual(['guest.start']);
  });
  it('are asked for again when they are others', () => {
    const [nic] = guestOf().spec.input.nics;
    const input = { ...guestOf().spec.input, nics: nic ? [{ ...nic, ipv4: '10.77.0.11' }] : [] };
    const others = assignmentsOf({ guests: [guestOf({ probe, input })] });
    expect(actionsOf({ assignments: others, memory: asked })).toContain('address.probe');
  });
  it('are its own once it runs', () => {
    expect(actionsOf({ observation: observationOf({ domains: [domainOf('running')] }) })).toEqual([]);
  });
  it.each(['running', 'stopped'] as const)('that somebody has are not used (%s)', (power) => {
    const problem = { type: 't', code: 'address_answered', title: 'taken', status: 409 };
    const failure = { generation: 1, problem, attempts: 1, retryAt: inputOf().now + 1000 };
    const held = {
      assignments: assignmentsOf({ guests: [guestOf({ probe, power })] }),
      failures: new Map([[`address:${ids.instance}`, failure]]),
      observation: observationOf({ filters: [] }),
    };
    expect(actionsOf(held).filter((name) => name.startsWith('guest.'))).toEqual([]);
    expect(guestStatus(held)).toMatchObject({ state: 'absent', error: problem });
  });
  it('of a NIC that it gets while it runs are asked for by its operation, before filter and NIC', () => {
    const plug = { operation: ids.operation, do: 'update' as const, mac: '52:54:00:00:00:01' };
    const { input } = guestOf().spec;
    const nics = input.nics.map((nic) => ({ ...nic, ipv4: '10.77.0.11' }));
    const guest = guestOf({ input: { ...input, nics }, plug: { ...plug, probe: ['10.77.0.11'] } });
    const running = {
      assignments: assignmentsOf({ guests: [guest] }),
      observation: observationOf({ domains: [{ ...domainOf('running'), nics: [plug.mac] }] }),
    };
    // its lease is another one, too
    expect(actionsOf(running)).toEqual(['network.ensure', 'address.probe']);
    expect(guestStatus(running)).not.toHaveProperty('probed');
    const known = { restarts: [], probed: probeText(guest.spec) };
    const memory = { acts: {}, guests: { [ids.instance]: known } };
    expect(actionsOf({ ...running, memory })).toEqual(['network.ensure', 'filter.ensure']);
    expect(guestStatus({ ...running, memory })).toMatchObject({ state: 'running', probed: true });
    const problem = { type: 't', code: 'address_answered', title: 'taken', status: 409 };
    const failure = { generation: 1, problem, attempts: 1, retryAt: inputOf().now + 1000 };
    const failed = { ...running, failures: new Map([[`address:${ids.instance}`, failure]]) };
    expect(actionsOf(failed)).toEqual(['network.ensure']);
    expect(guestStatus(failed)).toMatchObject({ state: 'running', plugError: problem });
  });
  it('are nobody’s when it is to go', () => {
    const gone = assignmentsOf({ guests: [guestOf({ probe, remove: true })] });
    expect(actionsOf({ assignments: gone, observation: observationOf({ filters: [] }) })).not.toContain(
      'address.probe',
    );
  });
});
