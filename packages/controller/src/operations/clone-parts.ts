/** What a clone is made of: settings of its source, and disks and NICs like those of its source. */
import {
  type CloneInstance,
  type CloneWay,
  type Consistency,
  type Disk,
  err,
  type Flavor,
  type Guest,
  type Instance,
  type InstanceSpec,
  type Nic,
  type Origin,
  requirePermitted,
  roomOf,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { nowOf } from '../env.ts';
import { newObject } from '../objects.ts';
import type { NewNics } from './create-nics.ts';
import { endedForGood } from './view.ts';

type RequestedNics = NonNullable<CloneInstance['nics']>;

const up: readonly string[] = ['running', 'paused'];

const consistencyOf: Record<CloneWay, Consistency> = { stop: 'stopped', quiesce: 'quiesced', crash: 'crash' };

export interface Manner {
  consistency: Consistency;
  /** QEMU of the source copies; it runs on. */
  live: boolean;
  /** The source goes down for it, or is, and comes up again. */
  restart: boolean;
}

/** @throws GantryError `clone_needs_choice`, `wrong_state`; `locked` where its disks cannot be read but by keeping it down */
export function mannerOf(source: Instance, guest: Guest, { running }: CloneInstance): Manner {
  const { name, status, spec } = source;
  const { state } = status;
  const mustStayDown = spec.power === 'running' && (running === 'stop' || !up.includes(state));
  if (spec.locked && mustStayDown) requirePermitted('stop', source);
  const isWanted = spec.power === 'running' && !endedForGood(guest);
  if (!up.includes(state)) return { consistency: 'stopped', live: false, restart: isWanted };
  if (running === undefined) throw err('clone_needs_choice', { name, state });
  if (running === 'quiesce' && state === 'paused')
    throw err('wrong_state', {
      kind: 'instance',
      name,
      state,
      action: 'freeze the file systems of it',
      permitted: 'Its agent answers only while it runs: --crash-consistent takes it as it is.',
    });
  const live = running !== 'stop';
  return {
    consistency: consistencyOf[running],
    live,
    restart: !live && spec.power === 'running',
  };
}

/** What is the source's alone, and what a clone gets by itself, is left out. */
export function cloneSpec(
  asking: Asking,
  source: Instance,
  body: CloneInstance,
  parts: { flavor: Flavor | undefined; nics: Nic[]; disks: Disk[]; consistency: Consistency },
): InstanceSpec {
  const { flavor, nics, disks, consistency } = parts;
  const {
    disks: _disks,
    nics: _nics,
    power: _power,
    personality,
    origin: _origin,
    rescue: _rescue,
    resize: _resize,
    locked: _locked,
    protected: _protected,
    ...kept
  } = source.spec;
  const origin: Origin = {
    instance: source.id as Origin['instance'],
    name: source.name,
    at: nowOf(asking.app.env),
    consistency,
  };
  return {
    ...kept,
    ...(flavor ? sizeOf(flavor) : {}),
    disks: disks.map(({ id }) => id as InstanceSpec['disks'][number]),
    nics,
    power: body.power ?? 'running',
    personality: { ...personality, hostname: body.name },
    origin,
  };
}

function sizeOf({ id, spec }: Flavor): Partial<InstanceSpec> {
  const { vcpus, memoryMiB, extraSpecs } = spec;
  return {
    flavor: id as NonNullable<InstanceSpec['flavor']>,
    ...{ vcpus, memoryMiB, ...roomOf(spec) },
    ...(extraSpecs ? { extraSpecs } : {}),
  };
}

/** The same networks; an address of the pool where it has one. What was allowed to the source alone is not passed on. */
export const nicsLike = ({ spec }: Instance): RequestedNics =>
  spec.nics.map(({ network, ipv4, ipv6 }) => ({
    network,
    address: ipv4 === undefined ? 'none' : 'pool',
    address6: ipv6 === undefined ? 'none' : 'pool',
  }));

/** They keep the places, cables and models that those of the source have. */
export const placedLike = ({ spec }: Instance, { nics }: NewNics): Nic[] =>
  nics.map((nic, index) => {
    const { slot, link, model } = spec.nics[index] ?? {};
    return {
      ...nic,
      ...(slot === undefined ? {} : { slot }),
      ...(link ? { link } : {}),
      ...(model ? { model } : {}),
    };
  });

/** @returns each with the one that it is a copy of */
export function copiedDisks(
  { app }: Asking,
  target: Pick<Instance, 'id' | 'name' | 'project'>,
  sources: readonly Disk[],
  live: boolean,
): { disk: Disk; from: Disk }[] {
  return sources.map((from) => {
    const { index, template, sizeBytes, source, device } = from.spec;
    const disk = newObject(app.env, 'disk', {
      name: `${target.name}:${index}`,
      project: target.project,
      spec: {
        instance: target.id as NonNullable<Disk['spec']['instance']>,
        ...{ index, template, sizeBytes },
        source:
          live && source.kind === 'image'
            ? { kind: 'disk', disk: from.id as Extract<Disk['spec']['source'], { kind: 'disk' }>['disk'] }
            : source,
        ownedByInstance: true,
        ...(device ? { device } : {}),
      },
      status: { state: 'creating' },
    });
    return { disk, from };
  });
}
