/**
 * New wiring on trial. What touches the node's links may cut off its way to the controller in ways that cannot be
 * foreseen (a VLAN that a bridge of the host carried, a switch that shuts the port). So the first time it is made the
 * record says that it is on trial and what was before; only when the controller is reached through it is it kept, else it
 * is undone. A crash in between leaves the record, and the next look at the network ends the trial. Once kept it is made
 * without trial, after a reboot too: then the controller may well start later than the network.
 */
import { type AttachmentSpec, err } from '@gantry/model';
import type { Clock } from '../env.ts';
import type { Run } from '../process/run.ts';
import { links } from './links.ts';
import type { NetworkRecord, Records } from './records.ts';
import { makeUplink, obstacleOf, type UplinkNetwork, unplug, uplinkNetwork } from './uplink.ts';

/** What a switch or a spanning tree makes of the new port comes late; then the controller is asked. */
const SETTLE_MS = 2000;
const TRIAL_MS = 15_000;
const PAUSE_MS = 500;

export interface UplinkParts {
  cluster: () => string;
  records: Records;
  clock: Pick<Clock, 'bootMs' | 'sleep'>;
  run: Run;
  /** Whether the controller answers now. */
  reaches(): Promise<boolean>;
}

export interface UplinkNetworks {
  /** @throws GantryError `host_unfit` */
  ensure(spec: AttachmentSpec): Promise<void>;
}

export function uplinkNetworks(parts: UplinkParts): UplinkNetworks {
  const { records, reaches, run } = parts;
  /** By network: wiring that cut the node off since this agent started. It is not tried again and again. */
  const harmful = new Map<string, string>();
  const wantedOf = (spec: AttachmentSpec): UplinkNetwork => uplinkNetwork(parts.cluster(), spec);
  const make = async (spec: AttachmentSpec): Promise<void> =>
    makeUplink(wantedOf(spec), await links(run), run);

  async function ensure(spec: AttachmentSpec): Promise<void> {
    const known = await endOtherTrial(spec);
    await refuseObstacle(spec);
    if (known && !known.trial && sameWiring(known.spec, spec)) {
      await records.put({ spec, leases: '' });
      await make(spec);
    } else await tryOut(spec, known);
  }

  /** A trial that a crash left, of wiring that is no longer wanted. */
  async function endOtherTrial(spec: AttachmentSpec): Promise<NetworkRecord | undefined> {
    const known = (await records.all()).get(spec.network);
    if (!known?.trial || sameWiring(known.spec, spec)) return known;
    await undo(known);
    return (await records.all()).get(spec.network);
  }

  async function refuseObstacle(spec: AttachmentSpec): Promise<void> {
    const obstacle = obstacleOf(wantedOf(spec), await links(run));
    if (obstacle) throw err('host_unfit', obstacle);
  }

  async function tryOut(spec: AttachmentSpec, known: NetworkRecord | undefined): Promise<void> {
    if (harmful.get(spec.network) === wiringOf(spec)) throw cutOff(spec);
    if (!(await reaches())) {
      if (known?.trial) await undo(known);
      throw unreached(spec);
    }
    const fallback = known?.trial ? known.trial.fallback : known?.spec;
    const trial: NetworkRecord = { spec, leases: '', trial: fallback ? { fallback } : {} };
    await records.put(trial);
    if (fallback) await unplug(wantedOf(fallback), await links(run), run);
    await make(spec);
    if (await stillReached(parts)) return records.put({ spec, leases: '' });
    harmful.set(spec.network, wiringOf(spec));
    await undo(trial);
    throw cutOff(spec);
  }

  async function undo({ spec, trial }: NetworkRecord): Promise<void> {
    await unplug(wantedOf(spec), await links(run), run);
    // The record of the bridge stays, as what it was before: without fallback it is plugged in nowhere.
    if (!trial?.fallback) return records.put({ spec, leases: '', trial: {} });
    await make(trial.fallback);
    await records.put({ spec: trial.fallback, leases: '' });
  }

  return { ensure };
}

async function stillReached({ clock, reaches }: UplinkParts): Promise<boolean> {
  const end = clock.bootMs() + TRIAL_MS;
  await clock.sleep(SETTLE_MS);
  while (clock.bootMs() < end) {
    if (await reaches()) return true;
    await clock.sleep(PAUSE_MS);
  }
  return false;
}

/** What may cut the node off; all else (mtu, addresses) cannot. */
const wiringOf = ({ bridge, uplink, vlan }: AttachmentSpec): string => `${bridge} ${uplink} ${vlan ?? ''}`;
const sameWiring = (one: AttachmentSpec, other: AttachmentSpec): boolean => wiringOf(one) === wiringOf(other);

const nameOf = ({ uplink, vlan }: AttachmentSpec): string =>
  vlan === undefined ? `${uplink}` : `VLAN ${vlan} of ${uplink}`;

const cutOff = (spec: AttachmentSpec) =>
  err('host_unfit', {
    why: `with ${nameOf(spec)} in ${spec.bridge} the controller was not reached for ${TRIAL_MS / 1000} s, so it was undone`,
    remedy:
      'Use another uplink or VLAN, or mode bridge with a bridge made by the operator; a restart of the agent tries again.',
  });

const unreached = (spec: AttachmentSpec) =>
  err('host_unfit', {
    why: `the controller does not answer, so it could not be seen whether ${nameOf(spec)} in a bridge cuts the node off`,
    remedy: 'It is tried again when the controller answers.',
  });
