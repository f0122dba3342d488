/** What the agent is told (a guest’s input) and what it knows (its host’s context) as what is wanted. */
import { type GuestInput, matches, Name, roomOf } from '@gantry/model';
import { type BootOrders, bootOrders } from './boot-order.ts';
import { domainName } from './domain-name.ts';
import { metadata } from './elements/metadata.ts';
import type { HostContext } from './host-context.ts';
import type { HostFacts } from './host-facts.ts';
import { cdSlotOf, cdsFromInput } from './input-cds.ts';
import { disksFromInput } from './input-disks.ts';
import { hostFactsOf } from './node/facts.ts';
import type { NodeConfig } from './node-config.ts';
import { guestTopology } from './numa/guest-cells.ts';
import { builtin, decided, origin } from './origin.ts';
import type { Profile } from './profiles.ts';
import { refused } from './refusal.ts';
import { checkGuest } from './specs/check.ts';
import { firstBus } from './specs/disk.ts';
import { encryptionOn } from './specs/encryption.ts';
import { lifecycleFrom } from './specs/lifecycle.ts';
import { machineFrom } from './specs/machine.ts';
import { firstDisk } from './specs/root-device.ts';
import { readSettings, type Settings } from './specs/settings.ts';
import { tapName } from './tap-name.ts';
import type { BootPlan, DiskPlan, IdentityPlan, NicPlan, NumaPlan, Wanted } from './wanted.ts';

/** sun_path of a unix socket address holds 108 bytes, the last one NUL. */
const LONGEST_SOCKET_PATH = 107;

/** @throws GantryError `guest_refused`, or the code of the setting that is not valid */
export function wantedFrom(input: GuestInput, context: HostContext, profile: Profile): Wanted {
  if (input.definition === 'kept') throw refused('its hardware is what its definition in libvirt says');
  const settings = readSettings(input, profile);
  checkGuest(settings, input);
  checkNames(input, context);
  const host = factsOf(context);
  const node = nodeOf(context, profile);
  const numa = numaOf(settings, input, context);
  checkArchitecture(settings, host);
  const machine = machineFrom(settings, host, node, context.hardware);
  const orders = bootOrders(input);
  const disks = disksFromInput(settings, input, machine, context);
  return {
    settings,
    vcpus: input.vcpus,
    memoryMiB: input.memoryMiB,
    ...roomOf(input),
    host,
    node,
    identity: identityOf(input, context),
    machine,
    boot: bootOf(input, context, settings, orders),
    disks: [...disks, ...cdsFromInput(settings, input, machine, disks, context)].map((plan) =>
      ordered(plan, orders),
    ),
    nics: input.nics.map((nic, index) => nicOf(nic, index, context.uuid, orders)),
    pciDevices: context.fit?.pciDevices ?? [],
    lifecycle: lifecycleFrom(settings, context.bootOnce !== undefined),
    ...(numa ? { numa } : {}),
    ...(input.cpuBaseline ? { cpuBaseline: input.cpuBaseline } : {}),
    encrypted: encryptionOn(settings, host, machine.type.value),
  };
}

function checkNames(input: GuestInput, host: HostContext): void {
  if (!matches(Name, input.name)) throw refused('its name is not a valid one');
  for (const socket of [host.agentSocket, host.vncSocket])
    if (new TextEncoder().encode(socket).length > LONGEST_SOCKET_PATH)
      throw refused(
        `the path of its socket is too long (${socket}); give the agent a shorter state directory`,
      );
}

/** A node runs guests of its own architecture. */
function checkArchitecture({ image }: Settings, host: HostFacts): void {
  const wanted = image.get('hw_architecture')?.value;
  if (wanted !== undefined && wanted !== host.architecture)
    throw refused(`the image is for ${wanted}, and this node is ${host.architecture}`);
}

const factsOf = (context: HostContext): HostFacts => ({
  ...(context.facts ? keptFirmware(hostFactsOf(context.facts), context.hardware?.loader) : anyHost),
  architecture: context.architecture,
  accelerator: context.accelerator,
  emulator: context.emulator,
  directIo: context.directIo,
  ...(context.machineTypes ? { machineTypes: context.machineTypes } : {}),
});

/** A guest keeps its firmware, as its variables belong to it, as long as the node has that. */
const keptFirmware = (host: HostFacts, loader: string | undefined): HostFacts =>
  loader === undefined || !host.firmware
    ? host
    : {
        ...host,
        firmware: host.firmware.toSorted((a, b) => Number(b.loader === loader) - Number(a.loader === loader)),
      };

const anyHost = {
  machineAliases: {},
  uefi: true,
  secureBoot: true,
  lacks: {},
  overcommit: { cpu: 1, memory: 1 },
} as const;

/** The binding says which CPUs are for sharing, not the node as it is configured now: a guest’s XML stays as it is. */
function nodeOf({ node, fit }: HostContext, profile: Profile): NodeConfig {
  const config = node ?? profile.node;
  return fit?.sharedCpus ? { ...config, sharedCpus: fit.sharedCpus } : config;
}

/** @throws GantryError `guest_refused` for a guest with cells whose binding places none */
function numaOf(settings: Settings, input: GuestInput, { fit }: HostContext): NumaPlan | undefined {
  const topology = guestTopology(settings, input);
  if (!topology) return undefined;
  const { cells } = fit ?? {};
  if (cells?.length !== topology.cells.length)
    throw refused(
      'its flavor or image asks for NUMA cells, pages or pinned CPUs, and placement chose none for it',
    );
  return { topology, cells };
}

const identityOf = (input: GuestInput, host: HostContext): IdentityPlan => ({
  uuid: host.uuid,
  name: host.domainName ?? domainName(input.name, host.uuid),
  metadata: metadata({
    cluster: host.cluster,
    instance: host.uuid,
    epoch: host.epoch,
    name: input.name,
    ...(host.bootOnce === undefined ? {} : { bootOnce: host.bootOnce }),
    origin: builtin('metadata', 'whose guest this is, and by which binding it runs'),
  }),
  consoleLog: host.consoleLog,
  agentSocket: host.agentSocket,
  vncSocket: host.vncSocket,
  ...(host.variables === undefined ? {} : { variables: host.variables }),
});

function bootOf(
  { boot, disks }: GuestInput,
  host: HostContext,
  settings: Settings,
  orders: BootOrders | undefined,
): BootPlan {
  if (boot.kernel === 'disk')
    return {
      kind: 'disk',
      // libvirt takes an order of kinds or of devices, not both
      devices: orders ? [] : ['hd'],
      origin: origin('instance', 'boot.kernel', 'the firmware boots the first disk'),
    };
  if (host.kernel === undefined) throw refused('it boots a kernel of its own, but the node has none for it');
  const root = boot.root ?? firstDisk(firstBus(settings, disks));
  const previewed = [`root=${root}`, 'console=ttyS0', boot.args ?? ''];
  return {
    kind: 'kernel',
    kernel: host.kernel,
    ...(host.initrd === undefined ? {} : { initrd: host.initrd }),
    commandLine: host.commandLine ?? previewed.filter((word) => word !== '').join(' '),
    origin: origin('instance', 'boot.kernel', 'the node boots the guest’s own copy of the kernel directly'),
  };
}

const nicOf = (
  { mac, bridge, mtu, slot, link, model }: GuestInput['nics'][number],
  index: number,
  instance: string,
  orders: BootOrders | undefined,
): NicPlan => ({
  mac,
  source: { type: 'bridge', bridge },
  target: tapName(instance, slot ?? index),
  ...(mtu === undefined ? {} : { mtu }),
  ...(link === 'down' ? { down: true } : {}),
  ...(model
    ? {
        ownModel: decided(
          model,
          origin('instance', `nics[${slot ?? index}].model`, 'chosen for this NIC, whatever the image says'),
        ),
      }
    : {}),
  ...orderOf(orders?.nic.get(slot ?? index), orders),
  limited: true,
  origin: origin('instance', `nics[${slot ?? index}]`, `NIC ${slot ?? index} of the instance`),
});

const orderOf = (order: number | undefined, orders: BootOrders | undefined) =>
  order === undefined || !orders ? {} : { bootOrder: order, bootOrigin: orders.origin };

function ordered(plan: DiskPlan, orders: BootOrders | undefined): DiskPlan {
  const slot = plan.device === 'cdrom' ? cdSlotOf(plan.name) : undefined;
  const order =
    slot === undefined ? plan.index !== undefined && orders?.disk.get(plan.index) : orders?.cd.get(slot);
  return order ? { ...plan, ...orderOf(order, orders) } : plan;
}
