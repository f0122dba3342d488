/**
 * The domains on the node as libvirt says: state and reason asked every time; whose a domain is and how much memory it
 * takes read from its XML once, and again after an event that may have changed it.
 */
import { cdSlotOf, type Identity, type LiveDisk, parseDomain } from '@gantry/guest';
import { type Domain, isNotFound, type LibvirtClient } from '@gantry/libvirt';
import type { SeenDomain } from '../observation.ts';
import { stateName } from './libvirt-names.ts';
import type { Session } from './session.ts';

/** What of a domain's XML is kept. */
interface Known {
  /** Of the start it was read in; -1 while stopped. */
  domainId: number;
  identity: Identity | undefined;
  memoryMiB: number;
  accelerator?: NonNullable<SeenDomain['accelerator']>;
  disks: { path: string }[];
  nics: string[];
  cds: NonNullable<SeenDomain['cds']>;
}

export interface Domains {
  /** @throws what libvirt's client throws when libvirt cannot be reached */
  observe(): Promise<SeenDomain[]>;
  /** It was changed by us in a way that libvirt tells no event of. */
  changed(instance: string): void;
}

export function createDomains(session: Session): Domains {
  const known = new Map<string, Known>();
  // Rises with every event: what was being read meanwhile may be old already and is not kept.
  let changes = 0;
  const forget = (uuid?: string) => {
    changes += 1;
    if (uuid === undefined) known.clear();
    else known.delete(uuid);
  };
  session.listen({
    event: (event) => forget(event.kind === 'missed' ? undefined : event.dom.uuid),
    connected: () => forget(),
  });

  async function factsOf(lv: LibvirtClient, dom: Domain): Promise<Known> {
    const kept = known.get(dom.uuid);
    if (kept && kept.domainId === dom.id) return kept;
    const before = changes;
    const read = await readFacts(lv, dom);
    if (changes === before) known.set(dom.uuid, read);
    return read;
  }

  return {
    changed: (instance) => forget(instance),
    async observe() {
      const lv = await session.client();
      const all = await lv.connectListAllDomains();
      for (const uuid of known.keys()) if (!all.some((dom) => dom.uuid === uuid)) known.delete(uuid);
      const seen = await Promise.all(all.map((dom) => observeOne(lv, dom, factsOf).catch(unlessGone)));
      return seen.filter((domain) => domain !== undefined);
    },
  };
}

async function readFacts(lv: LibvirtClient, dom: Domain): Promise<Known> {
  const xml = await lv.domainGetXmlDesc({ dom });
  try {
    const { identity, memoryMiB, type, live } = parseDomain(xml);
    const disks = live.disks.flatMap(({ path }) => (path === undefined ? [] : [{ path }]));
    const nics = live.nics.map(({ mac }) => mac);
    const accelerator = type === 'kvm' ? 'kvm' : 'tcg';
    const cds = live.disks.flatMap(seenCd);
    return { domainId: dom.id, identity, memoryMiB, accelerator, nics, disks, cds };
  } catch {
    // XML that cannot be read is not ours: we write it readable.
    return { domainId: dom.id, identity: undefined, memoryMiB: 0, disks: [], nics: [], cds: [] };
  }
}

async function observeOne(
  lv: LibvirtClient,
  dom: Domain,
  factsOf: (lv: LibvirtClient, dom: Domain) => Promise<Known>,
): Promise<SeenDomain> {
  const [facts, numbers] = await Promise.all([factsOf(lv, dom), lv.domainGetState({ dom })]);
  const { identity } = facts;
  const ours = identity?.instance === dom.uuid ? identity : undefined;
  const state = stateName(numbers);
  // After its state: it is saved before it is seen to be off.
  const saved =
    ours !== undefined && state.state === 'shutoff' && (await lv.domainHasManagedSaveImage({ dom }));
  const size = ours && dom.id >= 0 ? await sizeOf(lv, dom) : undefined;
  return {
    uuid: dom.uuid,
    name: dom.name,
    ...state,
    ...(saved ? { saved: true } : {}),
    memoryMiB: facts.memoryMiB,
    ...(facts.accelerator ? { accelerator: facts.accelerator } : {}),
    ...(dom.id >= 0 ? { domainId: dom.id, disks: facts.disks, nics: facts.nics } : {}),
    ...(dom.id >= 0 && facts.cds.length > 0 ? { cds: facts.cds } : {}),
    ...(size ? { size } : {}),
    ...(ours ? { ours: markOf(ours) } : {}),
  };
}

/** Asked every time: a guest’s own driver moves its balloon, and no event tells of CPUs. */
async function sizeOf(lv: LibvirtClient, dom: Domain): Promise<NonNullable<SeenDomain['size']>> {
  const { nrVirtCpu, memory } = await lv.domainGetInfo({ dom });
  return { vcpus: nrVirtCpu, memoryMiB: Math.round(Number(memory) / 1024) };
}

/** Gone between list and look. */
function unlessGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

const markOf = ({ cluster, instance, epoch, bootOnce }: Identity): NonNullable<SeenDomain['ours']> => ({
  cluster,
  instance,
  epoch,
  ...(bootOnce === undefined ? {} : { bootOnce }),
});

function seenCd({ target, device, trayOpen, path }: LiveDisk): Known['cds'] {
  const slot = device === 'cdrom' ? cdSlotOf(target) : undefined;
  if (slot === undefined) return [];
  return [{ slot, tray: trayOpen ? 'open' : 'closed', ...(path === undefined ? {} : { path }) }];
}
