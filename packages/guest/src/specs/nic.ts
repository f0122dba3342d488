/** hw_vif_model, hw:vif_multiqueue_enabled, quota:vif_* to network interfaces. */
import { type Bandwidth, bandwidth, type TrafficLimit } from '../elements/bandwidth.ts';
import {
  type Interface,
  type NicDriver,
  type NicModel,
  networkInterface,
  nicDriver,
  nicModel,
} from '../elements/interface.ts';
import { requireAbility } from '../host-facts.ts';
import { builtin, type Decided, decided, origin } from '../origin.ts';
import { invalid, refused } from '../refusal.ts';
import type { NicPlan, Wanted } from '../wanted.ts';
import { agreed, because, integerOf, type Settings, wordOf } from './settings.ts';
import { virtioFrom } from './virtio.ts';

export const nicsFrom = (wanted: Wanted): Interface[] => {
  const model = modelFrom(wanted);
  return wanted.nics.map((plan) => nicFrom(plan, model, wanted));
};

function nicFrom(plan: NicPlan, common: Decided<NicModel> | undefined, wanted: Wanted): Interface {
  const chosen = plan.ownModel ?? common;
  const driver = driverFrom(plan, chosen?.value, wanted);
  const model = plan.model ? decided<NicModel>(plan.model, plan.origin) : chosen;
  const limit = plan.limited ? bandwidthFrom(wanted.settings) : undefined;
  if (limit) requireAbility(wanted.host, 'trafficLimits', 'quota:vif_* needs traffic to be limited');
  return networkInterface({
    mac: plan.mac,
    source: plan.source,
    ...(plan.target === undefined ? {} : { target: plan.target }),
    ...(plan.mtu === undefined ? {} : { mtu: plan.mtu }),
    ...(model ? { model: nicModel({ model: model.value, origin: model.origin }) } : {}),
    ...(driver ? { driver } : {}),
    ...(limit ? { bandwidth: limit } : {}),
    ...(plan.down ? { down: true } : {}),
    ...(plan.bootOrder === undefined ? {} : { bootOrder: plan.bootOrder }),
    ...(plan.bootOrigin ? { bootOrigin: plan.bootOrigin } : {}),
    origin: plan.origin,
  });
}

function modelFrom({ settings, node, host }: Wanted): Decided<NicModel> | undefined {
  const image = wordOf<NicModel>(settings, 'image', 'hw_vif_model');
  if (image?.value === 'lan9118' && host.accelerator === 'kvm')
    throw refused('hw_vif_model=lan9118 exists on emulated ARM boards only', 'UnsupportedHardware');
  if (image) return because(image, 'the image decides');
  return node.virtioNics
    ? decided<NicModel>('virtio', builtin('hw_vif_model', 'the fastest NIC that every current system knows'))
    : undefined;
}

/** Back end and queues of a virtio NIC. */
function driverFrom(plan: NicPlan, model: NicModel | undefined, wanted: Wanted): NicDriver | undefined {
  const virtio = model === 'virtio';
  const { node, host } = wanted;
  const userSpace = plan.source.type === 'vhostuser';
  const tcg = virtio && host.accelerator === 'tcg';
  const queues = virtio && !tcg ? queuesFrom(wanted) : undefined;
  const rxQueueSize = virtio || userSpace ? node.rxQueueSize : undefined;
  const txQueueSize = userSpace ? node.txQueueSize : undefined;
  const tuned = queues !== undefined || rxQueueSize !== undefined;
  const name = userSpace ? undefined : tcg ? 'qemu' : tuned ? 'vhost' : undefined;
  const options = virtioFrom(wanted, virtio || plan.model === 'virtio');
  if (name === undefined && !tuned && txQueueSize === undefined && !options.virtio) return undefined;
  return nicDriver({
    ...(name ? { name } : {}),
    ...(queues === undefined ? {} : { queues }),
    ...(rxQueueSize === undefined ? {} : { rxQueueSize }),
    ...(txQueueSize === undefined ? {} : { txQueueSize }),
    ...options,
    origin: tcg
      ? builtin('accelerator', 'vhost needs KVM')
      : origin('flavor', 'hw:vif_multiqueue_enabled', 'back end and queues'),
  });
}

/** @throws GantryError `property_conflict`; a guest with one vCPU has one queue whatever anybody says */
export const multiqueue = (settings: Settings, vcpus: number): boolean =>
  vcpus > 1 &&
  agreed<boolean>(settings, 'hw:vif_multiqueue_enabled', 'hw_vif_multiqueue_enabled')?.value === true;

/** Queues that a tap device of that kernel series may have: drivers/net/tun.c. */
const queuesOfKernel: Readonly<Record<number, number>> = { 2: 1, 3: 8, 4: 256 };

function queuesFrom({ settings, vcpus, node, host }: Wanted): number | undefined {
  if (!multiqueue(settings, vcpus)) return undefined;
  const major = Number(/^\d+/.exec(host.kernelRelease ?? '')?.[0] ?? Number.NaN);
  const most = node.mostQueues ?? queuesOfKernel[major] ?? vcpus;
  return Math.min(vcpus, most);
}

type Way = 'inbound' | 'outbound';

function bandwidthFrom(settings: Settings): Bandwidth | undefined {
  const inbound = limitOf(settings, 'inbound');
  const outbound = limitOf(settings, 'outbound');
  if (!inbound && !outbound) return undefined;
  return bandwidth({
    ...(inbound ? { inbound } : {}),
    ...(outbound ? { outbound } : {}),
    origin: origin('flavor', 'quota:vif', 'limits of the flavor, for each NIC by itself'),
  });
}

function limitOf(settings: Settings, way: Way): TrafficLimit | undefined {
  const value = (what: string) => integerOf(settings, 'flavor', `quota:vif_${way}_${what}`)?.value;
  const average = value('average');
  const peak = value('peak');
  const burst = value('burst');
  // 0 is no limit; Nova writes it all the same.
  if (average === undefined || (average === 0 && settings.profile.refuseIneffective)) return undefined;
  return {
    average,
    ...(peak === undefined ? {} : { peak }),
    ...(burst === undefined ? {} : { burst }),
  };
}

/**
 * Nova drops peak and burst without an average silently.
 * @throws GantryError `invalid_property`
 */
export function checkNicQuota(settings: Settings): void {
  if (!settings.profile.refuseIneffective) return;
  for (const way of ['inbound', 'outbound'] as const)
    for (const what of ['peak', 'burst'] as const) {
      const found = integerOf(settings, 'flavor', `quota:vif_${way}_${what}`);
      if (found && !integerOf(settings, 'flavor', `quota:vif_${way}_average`)?.value)
        throw invalid(found.source, String(found.value), `it needs quota:vif_${way}_average as well`);
    }
}

/** Models that belong to machines of another kind; libvirt would define them, and QEMU not start. @throws GantryError `invalid_property` */
export function checkNicModel(settings: Settings): void {
  const image = wordOf<NicModel>(settings, 'image', 'hw_vif_model');
  if (!image || !settings.profile.refuseIneffective) return;
  const home = { 'spapr-vlan': 'POWER machines', lan9118: 'emulated ARM boards' } as Record<string, string>;
  const where = home[image.value];
  if (where) throw invalid(image.source, image.value, `it exists on ${where} only`, 'UnsupportedHardware');
}
