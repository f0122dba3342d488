/**
 * The networks of this node. Mode `nat`: a bridge, forwarding, NAT rules and a DHCP server of our own. Mode `bridge`:
 * a bridge of the host is used as it is; nothing of the host is changed. Mode `uplink`: a bridge of our own on an
 * interface of the host (uplink.ts), on trial at first (trial.ts).
 * Order and crashes: the record is written before anything is made and removed after everything is gone, so whatever
 * a crash leaves is seen, mended by `ensure` and removed by `remove`, both of which look before each step.
 */
import { join } from 'node:path';
import { type AttachmentSpec, err } from '@gantry/model';
import type { Clock } from '../env.ts';
import { leasesText } from '../leases.ts';
import type { SeenNetwork } from '../observation.ts';
import { ProcessError, type Run, run as runProgram } from '../process/run.ts';
import { bridgeFaults, ensureBridge, isOurs, removeBridge } from './bridge.ts';
import { dnsmasqRuns, ensureDnsmasq, stopDnsmasq } from './dnsmasq.ts';
import { ensureForwarding, forwardingFaults } from './forwarding.ts';
import { type Link, links, portsOf } from './links.ts';
import { type NetworkRecord, networkRecords } from './records.ts';
import { ensureRules, removeRules, rulesAreCurrent } from './rules.ts';
import { uplinkNetworks } from './trial.ts';
import { ownPorts, uplinkFaults, uplinkNetwork } from './uplink.ts';
import { judgeLeases } from './usable-leases.ts';
import { removeVlanDevice } from './vlan-aware.ts';
import {
  aliasOf,
  checkInterface,
  checkNetworkId,
  type Leases,
  macOf,
  type NatNetwork,
  natNetwork,
  networkOfAlias,
  tableOf,
} from './wanted.ts';

/** `nft` is asked no more often than this while all is well; another program that flushes rules is noticed so late. */
const RULES_CHECK_MS = 30_000;

export interface NodeNetworkOptions {
  /** DIR/agent/network. */
  dir: string;
  /** Id of the cluster, as in the assignments. */
  cluster: () => string;
  clock: Clock;
  /** Whether the controller answers now. */
  reaches(): Promise<boolean>;
  run?: Run;
}

export interface NodeNetwork {
  /** @throws GantryError `host_unfit`, `invalid_argument`, `address_outside`, `not_supported` */
  ensure(spec: AttachmentSpec, leases: Leases): Promise<void>;
  /** @throws GantryError `in_use` while guests are attached */
  remove(spec: Pick<AttachmentSpec, 'network' | 'uplink'>): Promise<void>;
  /** One `ip` call and a few reads of /proc. */
  observe(anew?: boolean): Promise<SeenNetwork[]>;
}

/** The networks of the namespace in which the agent runs. */
export function nodeNetwork(options: NodeNetworkOptions): NodeNetwork {
  const { dir, cluster, clock, run = runProgram } = options;
  const records = networkRecords(dir);
  const rulesSeenAt = new Map<string, number>();
  const ports = { clock, run };
  const uplinkMode = uplinkNetworks({ ...options, records, run });

  async function ensureNat(spec: AttachmentSpec, leases: Leases): Promise<void> {
    const wanted = natNetwork(cluster(), spec);
    const { usable } = judgeLeases(wanted, leases);
    await begin(spec);
    const all = await links(run);
    // A running one is bound to the bridge that was: without its end nobody would see that it serves the new one not.
    if (!all.has(wanted.bridge)) await stopDnsmasq(records.directory(wanted.network), ports);
    await ensureBridge(wanted, all, run);
    await ensureForwarding(wanted.bridge);
    rulesSeenAt.delete(wanted.network);
    await ensureRules(wanted, run);
    if (wanted.dhcp) await ensureDnsmasq(wanted, usable, records.directory(wanted.network), ports);
    else await stopDnsmasq(records.directory(wanted.network), ports);
    // what was asked for: the planner compares with it, and says what was left out
    await records.put({ spec, leases: leasesText(leases) });
  }

  async function ensureGiven(spec: AttachmentSpec): Promise<void> {
    if (spec.dhcp)
      throw err('not_supported', {
        what: `DHCP by the agent on the existing bridge ${checkInterface(spec.bridge)}`,
        instead: 'Set dhcp to false and use the DHCP server of that network, or mode nat.',
      });
    // Known before it is there: the next look sees that the operator has made it, whenever that is.
    await begin(spec);
    const fault = givenFault((await links(run)).get(spec.bridge), spec);
    if (fault)
      throw err('host_unfit', {
        why: fault,
        remedy: 'Make the bridge ready on the node, or name another one.',
      });
    await records.put({ spec, leases: '' });
  }

  /** Writes the intent, after removing what an earlier spec had in another place. */
  async function begin(spec: AttachmentSpec): Promise<void> {
    const before = (await records.all()).get(spec.network);
    if (before && (before.spec.bridge !== spec.bridge || before.spec.mode !== spec.mode))
      await tearDown(before.spec, before);
    await records.put({ spec, leases: before?.leases ?? '' });
  }

  /** DHCP, rules, bridge: what uses a thing goes before it. */
  async function tearDown(
    { network, uplink }: Pick<AttachmentSpec, 'network' | 'uplink'>,
    record: NetworkRecord | undefined,
  ): Promise<void> {
    const ours = { alias: aliasOf(cluster(), network), mac: macOf(cluster(), network) };
    const all = await links(run);
    const bridges = [...all.values()].filter((link) => isOurs(link, ours)).map((link) => link.name);
    const own = ownPorts(ours, record?.spec.uplink ?? uplink, all).filter((name) =>
      isPort(name, bridges, all),
    );
    refuseUsed(bridges, own, all);
    if (bridges.length === 0 && record?.spec.mode === 'bridge') return;
    for (const name of own) await releasePort(name, all, run);
    await stopDnsmasq(records.directory(network), ports);
    rulesSeenAt.delete(network);
    await removeRules(tableOf(network), run);
    const left = own.length > 0 ? await links(run) : all;
    for (const bridge of bridges) await removeBridge(bridge, ours, left, run);
  }

  async function natFaults(wanted: NatNetwork, link: Link | undefined): Promise<string[]> {
    const atBridge = bridgeFaults(link, wanted);
    if (!link || !isOurs(link, wanted)) return atBridge;
    return [
      ...atBridge,
      ...forwardingFaults(wanted.bridge),
      ...((await rulesHold(wanted)) ? [] : [`nftables table inet ${wanted.table} is missing or changed`]),
      ...(!wanted.dhcp || dnsmasqRuns(join(dir, wanted.network)) ? [] : ['dnsmasq does not run']),
    ];
  }

  async function rulesHold(wanted: NatNetwork): Promise<boolean> {
    const seenAt = rulesSeenAt.get(wanted.network);
    const now = clock.bootMs();
    if (seenAt !== undefined && now - seenAt < RULES_CHECK_MS) return true;
    const current = await rulesAreCurrent(wanted, run);
    if (current) rulesSeenAt.set(wanted.network, now);
    else rulesSeenAt.delete(wanted.network);
    return current;
  }

  async function look(record: NetworkRecord, all: ReadonlyMap<string, Link>): Promise<SeenNetwork> {
    const { spec, leases } = record;
    const faults = await faultsOf(record, all).catch((error: unknown) => [String(error)]);
    return { ...seen(spec.network, spec.bridge, faults, all), leases, spec };
  }

  async function faultsOf({ spec, trial }: NetworkRecord, all: ReadonlyMap<string, Link>): Promise<string[]> {
    const link = all.get(spec.bridge);
    if (spec.mode === 'uplink')
      return [...uplinkFaults(uplinkNetwork(cluster(), spec), all), ...(trial ? ['it is on trial'] : [])];
    if (spec.mode === 'nat') return natFaults(natNetwork(cluster(), spec), link);
    const fault = givenFault(link, spec);
    return fault ? [fault] : [];
  }

  function ensureMode(spec: AttachmentSpec, leases: Leases): Promise<void> {
    if (spec.mode === 'nat') return ensureNat(spec, leases);
    return spec.mode === 'uplink' ? uplinkMode.ensure(spec) : ensureGiven(spec);
  }

  return {
    async ensure(spec, leases) {
      checkNetworkId(spec.network);
      await ensureMode(spec, leases).catch(unfit);
    },
    async remove(spec) {
      const network = checkNetworkId(spec.network);
      await tearDown(spec, (await records.all()).get(network)).catch(unfit);
      await records.remove(network);
    },
    async observe(anew = false) {
      if (anew) rulesSeenAt.clear();
      const [all, known] = await Promise.all([links(run), records.all()]);
      const recorded = await Promise.all([...known.values()].map((record) => look(record, all)));
      const unrecorded = [...all.values()].flatMap((link) => {
        const network = link.kind === 'bridge' ? networkOfAlias(cluster(), link.alias) : undefined;
        return network && !known.has(network)
          ? [{ ...seen(network, link.name, ['its record is missing'], all), leases: '' }]
          : [];
      });
      return [...recorded, ...unrecorded];
    },
  };
}

/** A failure of ip or nft is the machine's: its own words are the reason. */
function unfit(cause: unknown): never {
  if (!(cause instanceof ProcessError)) throw cause;
  const remedy =
    cause.reason === 'not-found' ? 'Install iproute2 and nftables.' : 'The message is the program’s own.';
  throw err('host_unfit', { why: cause.message, remedy }, cause);
}

const isPort = (name: string, bridges: readonly string[], all: ReadonlyMap<string, Link>): boolean =>
  all.get(name)?.kind === 'vlan' || bridges.includes(all.get(name)?.master ?? '');

/** A VLAN device of ours goes, an uplink is the operator's again. */
async function releasePort(name: string, all: ReadonlyMap<string, Link>, run: Run): Promise<void> {
  const link = all.get(name);
  if (link?.kind === 'vlan') await removeVlanDevice(link, all, run);
  else if (link) await run(['ip', 'link', 'set', 'dev', name, 'nomaster']);
}

function refuseUsed(
  bridges: readonly string[],
  own: readonly string[],
  all: ReadonlyMap<string, Link>,
): void {
  for (const name of bridges) {
    const users = portsOf(all, name)
      .filter((port) => !own.includes(port))
      .join(', ');
    if (users !== '') throw err('in_use', { kind: 'bridge', name, users });
  }
}

function givenFault(link: Link | undefined, { bridge, mtu }: AttachmentSpec): string | undefined {
  if (!link) return `there is no bridge ${checkInterface(bridge)} on the node`;
  if (link.kind !== 'bridge') return `${bridge} is no Linux bridge but ${link.kind ?? 'a device'}`;
  if (!link.up) return `bridge ${bridge} is down`;
  if (mtu !== undefined && link.mtu < mtu) return `bridge ${bridge} has mtu ${link.mtu}, the network ${mtu}`;
  return undefined;
}

/** Taps without carrier belong to no QEMU any more: libvirt removes them itself, here they are only told of. */
function seen(
  network: string,
  bridge: string,
  faults: readonly string[],
  all: ReadonlyMap<string, Link>,
): Omit<SeenNetwork, 'leases'> {
  const taps = [...all.values()].filter((l) => l.master === bridge && l.kind === 'tun');
  const idle = taps.filter((l) => !l.carrier);
  return {
    network,
    bridge,
    ready: faults.length === 0,
    ports: taps.map((link) => link.name),
    ...(faults.length > 0 ? { why: faults.join('; ') } : {}),
    ...(idle.length > 0 ? { idleTaps: idle.map((link) => link.name) } : {}),
  };
}
