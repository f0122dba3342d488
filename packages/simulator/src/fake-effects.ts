/** The agent's actions on a fake node: whole, and halfway. Each looks before it acts, as the real ones must. */
import type { Action, ActionOf, PluggedSpec } from '@gantry/agent';
import { askedOf, guestFilter, leasesText, wantedText } from '@gantry/agent';
import { domainName } from '@gantry/guest';
import { compareEpochs, err, type GuestSpec, mostMemoryMiB, mostVcpus } from '@gantry/model';
import { adopt, beginAdopting, guardForeign, kept, release, unmark } from './fake-adoption.ts';
import { copied, copying, endCopy } from './fake-copies.ts';
import { beginDisk, growDisk, makeDisk, removeDisk } from './fake-disks.ts';
import { changeMedium, drivesOf, plugDrive, resume } from './fake-drives.ts';
import { type FakeDomain, type FakeNode, shutOff } from './fake-node.ts';
import { between, resize } from './fake-sizes.ts';

export function whole(node: FakeNode, action: Action, now: number): void {
  guardForeign(node, action);
  switch (action.do) {
    case 'base.ensure':
      node.bases.set(action.spec.sha256, {
        sha256: action.spec.sha256,
        path: `/bases/${action.spec.sha256}`,
      });
      return;
    case 'base.remove':
      node.bases.delete(action.spec.sha256);
      return;
    case 'disk.create':
      makeDisk(node, action);
      return;
    case 'disk.remove':
      removeDisk(node, action);
      return;
    case 'network.ensure':
      node.networks.set(action.spec.network, network(action, true));
      return;
    case 'network.remove':
      node.networks.delete(action.spec.network);
      return;
    case 'address.probe':
      probe(node, action.spec);
      return;
    case 'filter.ensure':
      node.filters.set(action.spec.instance, wantedText(guestFilter(action.spec)));
      return;
    case 'filter.remove':
      node.filters.delete(action.instance);
      return;
    case 'guest.define':
      define(node, action.spec);
      return;
    case 'guest.start':
      start(node, action, now);
      return;
    case 'guest.resume':
      resume(node, action.instance);
      return;
    case 'guest.save':
      save(node, action.spec.instance);
      return;
    case 'guest.adopt':
      adopt(node, action.spec);
      return;
    case 'guest.release':
      release(node, action.spec.instance);
      return;
    case 'guest.setVcpus':
      resize(node, action.instance, { vcpus: action.vcpus });
      return;
    case 'guest.setMemory':
      resize(node, action.instance, { memoryMiB: action.memoryMiB });
      return;
    case 'guest.shutdown':
    case 'guest.destroy':
      stop(node, action.instance, action.do === 'guest.shutdown' ? 'shutdown' : 'destroyed');
      return;
    case 'guest.remove':
      node.domains.delete(action.instance);
      node.guestFiles.delete(action.instance);
      node.records.delete(action.instance);
      return;
    case 'guest.attachDevice':
      plug(node, action.spec);
      return;
    case 'guest.detachDevice':
      unplug(node, action.spec);
      return;
    case 'disk.grow':
      growDisk(node, action);
      return;
    case 'guest.copy':
      copied(node, action);
      return;
    case 'guest.endCopy':
      endCopy(node, action.instance);
      return;
    case 'guest.updateDevice':
      if (action.spec.plug.replug) replug(node, action.spec);
      changeMedium(node, action.spec);
      return;
    case 'guest.reboot':
    case 'act.perform':
    // between nodes: fake-lane.ts
    case 'disk.send':
    case 'disk.receive':
      return;
  }
}

/** What is left when the agent dies in the middle. */
export function halfway(node: FakeNode, action: Action): void {
  if (action.do === 'disk.create' || action.do === 'disk.receive') beginDisk(node, action);
  else if (action.do === 'guest.copy') copying(node, action);
  else if (action.do === 'network.ensure') node.networks.set(action.spec.network, network(action, false));
  else if (action.do === 'network.remove') whole(node, action, 0);
  else if (action.do === 'guest.start' || action.do === 'guest.define') define(node, action.spec);
  else if (action.do === 'guest.setVcpus') resize(node, action.instance, { vcpus: between(node, action) });
  // the guest's own folder comes before the mark, and goes after it
  else if (action.do === 'guest.adopt') beginAdopting(node, action.spec);
  else if (action.do === 'guest.release') unmark(node, action.spec.instance);
  else if (action.do === 'guest.save') save(node, action.spec.instance);
  else if (action.do === 'guest.updateDevice' && action.spec.plug.replug) unplug(node, action.spec);
  else if (action.do === 'guest.remove') node.domains.delete(action.instance);
}

/** QEMU refuses a file that it cannot open, or that another has open. */
function plug(node: FakeNode, spec: PluggedSpec): void {
  const { instance, plug } = spec;
  const { disk: id, mac } = plug;
  const domain = node.domains.get(instance);
  plugDrive(domain, spec);
  if (mac && domain && domain.state !== 'shutoff' && !domain.nics.includes(mac)) {
    if (node.filters.get(instance) !== wantedText(guestFilter(spec)))
      throw new Error(`NIC ${mac} without filter`);
    domain.nics.push(mac);
    domain.tap = true;
  }
  if (!domain || domain.state === 'shutoff' || id === undefined || domain.disks.includes(id)) return;
  requireFree(node, id, instance);
  domain.disks.push(id);
}

function requireFree(node: FakeNode, id: string, instance: string): void {
  if (node.disks.get(id)?.state !== 'ready') throw err('guest_refused', { why: `disk ${id} is not ready` });
  const other = [...node.domains.values()].find(
    (one) => one.uuid !== instance && one.state !== 'shutoff' && one.disks.includes(id),
  );
  if (other) throw new Error(`disk ${id} would be open twice: ${other.name}`);
}

function unplug(node: FakeNode, { instance, plug: { disk: id, mac, cd } }: PluggedSpec): void {
  const domain = node.domains.get(instance);
  if (!domain || domain.state === 'shutoff') return;
  if (node.stubborn.has(instance))
    throw err('device_kept', { device: 'a disk', name: domain.name, limit: '15 s' });
  if (cd !== undefined) domain.drives.delete(cd);
  domain.disks = domain.disks.filter((one) => one !== id);
  domain.nics = domain.nics.filter((one) => one !== mac);
  domain.tap = domain.nics.length > 0;
}

function replug(node: FakeNode, spec: PluggedSpec): void {
  unplug(node, spec);
  plug(node, spec);
}

const network = (action: ActionOf<'network.ensure'>, ready: boolean) => ({
  network: action.spec.network,
  bridge: action.spec.bridge,
  spec: action.spec,
  ready,
  leases: ready ? leasesText(action.leases) : '',
});

function probe(node: FakeNode, spec: GuestSpec): void {
  for (const [bridge, addresses] of askedOf(spec))
    for (const address of addresses)
      if (node.heldElsewhere.has(address))
        throw err('address_answered', { address, holder: 'another machine', bridge });
}

function define(node: FakeNode, spec: GuestSpec): FakeDomain {
  if (spec.input.definition === 'kept') return kept(node, spec);
  const known = node.domains.get(spec.instance);
  node.guestFiles.add(spec.instance);
  if (known && known.state !== 'shutoff') return known;
  const domain: FakeDomain = {
    uuid: spec.instance,
    name: known?.name ?? domainName(spec.input.name, spec.instance),
    state: 'shutoff',
    reason: known?.reason ?? 'unknown',
    ours: { cluster: node.cluster, instance: spec.instance, epoch: spec.epoch },
    memoryMiB: spec.input.memoryMiB,
    ...(known?.saved ? { saved: true as const } : {}),
    disks: spec.input.disks.map((d) => d.id),
    nics: spec.input.nics.map(({ mac }) => mac),
    drives: new Map(),
    tap: false,
  };
  node.domains.set(spec.instance, domain);
  return domain;
}

function start(node: FakeNode, { spec, once }: ActionOf<'guest.start'>, now: number): void {
  for (const { id } of spec.input.disks) requireFree(node, id, spec.instance);
  const drives = drivesOf(node, spec);
  const known = node.domains.get(spec.instance);
  if (known?.ours && compareEpochs(known.ours.epoch, spec.epoch) > 0)
    throw err('guest_refused', { why: 'older epoch' });
  const domain = define(node, spec);
  if (domain.state !== 'shutoff') return;
  const restored = domain.saved === true && spec.memory === 'restore' && !once;
  const operation = once ? spec.bootOnce?.operation : undefined;
  if (operation && domain.ours) domain.ours = { ...domain.ours, bootOnce: operation };
  delete domain.saved;
  Object.assign(domain, {
    state: once ? 'paused' : 'running',
    reason: once ? 'user' : restored ? 'restored' : 'booted',
    domainId: node.nextDomainId++,
    drives,
    tap: spec.input.nics.length > 0,
    ...(spec.input.definition === 'kept' ? {} : laidOut(spec)),
  });
  const started = { instance: spec.instance, epoch: spec.epoch, at: now, restored };
  node.starts.push({ ...started, ...(operation ? { once: operation } : {}) });
  witness(node, domain, spec);
}

/** Until its balloon driver is there, it has all that its QEMU laid out. */
function laidOut({ input }: GuestSpec): Pick<FakeDomain, 'size' | 'most'> {
  const most = { vcpus: mostVcpus(input), memoryMiB: mostMemoryMiB(input) };
  return { size: { ...most, vcpus: input.vcpus }, most };
}

function save(node: FakeNode, instance: string): void {
  const domain = node.domains.get(instance);
  if (!domain || domain.state === 'shutoff') return;
  shutOff(domain, 'saved');
  domain.saved = true;
}

/** What a start means for the whole cluster. */
function witness({ world, disks, name }: FakeNode, { uuid }: FakeDomain, spec: GuestSpec): void {
  const elsewhere = world.nodes.find((other) => other.name !== name && alive(other.domains.get(uuid)?.state));
  if (elsewhere) world.violations.push(`${uuid} runs on ${name} and on ${elsewhere.name}`);
  for (const { id } of spec.input.disks) {
    const held = disks.get(id);
    if (!held) continue;
    const wanted = world.written.get(id);
    if (wanted !== undefined && held.content !== wanted)
      world.violations.push(`disk ${id} on ${name} has lost what was written`);
    held.content += ` ${spec.epoch.number}`;
    world.written.set(id, held.content);
  }
}

const alive = (state: string | undefined): boolean => state !== undefined && state !== 'shutoff';

function stop(node: FakeNode, instance: string, reason: string): void {
  const domain = node.domains.get(instance);
  if (domain && domain.state !== 'shutoff') shutOff(domain, reason);
}
