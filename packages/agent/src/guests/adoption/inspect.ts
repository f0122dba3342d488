/** A domain that somebody else made, as `instance import` needs to know it. Looks only: nothing is written or changed. */
import { child, elements, readForeign, waitingChanges } from '@gantry/guest';
import {
  type Domain,
  type LibvirtClient,
  virDomainInterfaceAddressesSource as Source,
} from '@gantry/libvirt';
import { err, type ForeignDomain, type KeptDisk } from '@gantry/model';
import { isAlive } from '../libvirt-names.ts';
import type { Membership } from '../look.ts';
import { below, filesOf, writtenBy } from './disk-files.ts';
import { type AnyDomain, digestOf, findDomain } from './find.ts';
import { whoElseWrites } from './sharers.ts';

export interface InspectParts {
  lv: LibvirtClient;
  member: Membership;
  /** `--state DIR`: what lies below is Gantry's. */
  stateDir: string;
}

/** @throws GantryError `not_found`; `not_adoptable` where its XML cannot be read */
export async function inspectDomain(ref: string, parts: InspectParts): Promise<ForeignDomain> {
  const { lv, member } = parts;
  const found = await findDomain(lv, ref);
  if (!found)
    throw err('not_found', { kind: 'domain', name: `${ref} on node ${member.node}`, node: member.node });
  const { dom, definition, present } = found;
  const alive = isAlive(found.state);
  const { obstacles, ...hardware } = readForeign(definition);
  const disks = await withRealPaths(hardware.disks);
  const [autostart, saved, snapshots, addresses, others] = await Promise.all([
    lv.domainGetAutostart({ dom }),
    lv.domainHasManagedSaveImage({ dom }),
    countSnapshots(lv, dom),
    alive ? addressesOf(lv, dom) : [],
    obstaclesOf(found, parts),
  ]);
  return {
    uuid: dom.uuid,
    name: dom.name.slice(0, 255),
    state: stateOf(found, saved !== 0),
    definition: digestOf(definition),
    // off since it was imported, where it bears the mark already
    autostart: autostart || (found.facts.identity?.kept?.autostart ?? false),
    snapshots,
    ...hardware,
    disks,
    addresses,
    waiting: alive ? waitingChanges(present, definition) : [],
    obstacles: [...obstacles, ...others].map((why) => why.slice(0, 1024)).slice(0, 64),
  };
}

function stateOf({ state }: AnyDomain, saved: boolean): ForeignDomain['state'] {
  if (!isAlive(state)) return saved ? 'suspended' : 'stopped';
  return state === 'paused' ? 'paused' : 'running';
}

/** One file by one name, whoever names it. */
async function withRealPaths(disks: readonly KeptDisk[]): Promise<KeptDisk[]> {
  const real = new Map((await writtenBy(disks)).map(({ target, source }) => [target, source]));
  return disks.map((disk) => {
    const source = real.get(disk.target) ?? disk.source;
    return { ...disk, ...(source === undefined ? {} : { source }) };
  });
}

async function obstaclesOf(found: AnyDomain, { lv, member, stateDir }: InspectParts): Promise<string[]> {
  const { dom, facts, definition, present } = found;
  const alive = isAlive(found.state);
  const mark = facts.identity;
  const foreign = mark && mark.instance === dom.uuid && mark.cluster !== member.cluster;
  const [persistent, job, files, sharers] = await Promise.all([
    lv.domainIsPersistent({ dom }),
    alive ? lv.domainGetJobInfo({ dom }).then(({ type }) => type) : 0,
    Promise.all([filesOf(definition), filesOf(present)]),
    whoElseWrites(lv, found),
  ]);
  const ours = await below(stateDir, [...new Set(files.flat())]);
  const copied = elements(child(present, 'devices'), 'disk').some((disk) => child(disk, 'mirror'));
  return [
    ...(foreign ? [`it belongs to cluster ${mark.cluster}: release it there first`] : []),
    ...(persistent ? [] : ['it is transient: nothing would start it again; `virsh define` it first']),
    ...(job === 0 && !copied ? [] : ['libvirt is busy with it (a migration, a backup, a copy of a disk)']),
    ...ours.map((file) => `${file} is in a folder of Gantry’s own`),
    ...sharers,
  ];
}

const countSnapshots = (lv: LibvirtClient, dom: Domain): Promise<number> =>
  lv.domainListAllSnapshots({ dom }).then(({ length }) => length);

/** From leases of libvirt's networks and the kernel's neighbours; the guest itself is not asked. */
async function addressesOf(lv: LibvirtClient, dom: Domain): Promise<ForeignDomain['addresses']> {
  const sources = [
    Source.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE,
    Source.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP,
  ];
  const answers = await Promise.all(
    sources.map((source) => lv.domainInterfaceAddresses({ dom, source }).catch(() => [])),
  );
  const seen = answers
    .flat()
    .flatMap(({ hwaddr, addrs }) =>
      hwaddr ? addrs.map(({ addr }) => ({ mac: hwaddr.toLowerCase(), address: addr })) : [],
    );
  return [...new Map(seen.map((one) => [`${one.mac} ${one.address}`, one])).values()].slice(0, 256);
}
