/** Look before acting: the domain of an instance, and whether it is ours to touch. */
import { type DomainFacts, parseDomain } from '@gantry/guest';
import { type Domain, isNotFound, type LibvirtClient } from '@gantry/libvirt';
import { compareEpochs, type Epoch, err } from '@gantry/model';
import { isAlive, type StateName, stateName } from './libvirt-names.ts';

export interface Found {
  dom: Domain;
  state: StateName;
  facts: DomainFacts;
}

export interface Membership {
  cluster: string;
  node: string;
}

/**
 * The domain with that id, if there is one. It must be this cluster's.
 * @throws GantryError `foreign_domain`
 */
export async function lookAt(
  lv: LibvirtClient,
  instance: string,
  { cluster, node }: Membership,
): Promise<Found | undefined> {
  const dom = await lv.domainLookupByUuid({ uuid: instance }).catch(unlessMissing);
  if (!dom) return undefined;
  const [xml, numbers] = await Promise.all([lv.domainGetXmlDesc({ dom }), lv.domainGetState({ dom })]);
  const facts = parseDomain(xml);
  const { identity } = facts;
  if (identity?.cluster !== cluster || identity.instance !== instance)
    throw err('foreign_domain', { name: dom.name, node });
  return { dom, state: stateName(numbers).state, facts };
}

/** The same, if QEMU runs it. */
export async function lookAtRunning(
  lv: LibvirtClient,
  instance: string,
  member: Membership,
): Promise<Found | undefined> {
  const found = await lookAt(lv, instance, member);
  return found && isAlive(found.state) ? found : undefined;
}

/**
 * An order of an older binding is refused.
 * @throws GantryError `guest_refused`
 */
export function refuseOlder(found: Found, epoch: Epoch): void {
  const there = found.facts.identity?.epoch;
  if (there && compareEpochs(epoch, there) < 0)
    throw err('guest_refused', {
      why: `the domain on this node belongs to binding ${words(there)}, and the order is of the older ${words(epoch)}`,
    });
}

/**
 * libvirt's names are unique on a node.
 * @throws GantryError `foreign_domain`
 */
export async function refuseNameTaken(
  lv: LibvirtClient,
  name: string,
  instance: string,
  { node }: Membership,
): Promise<void> {
  const dom = await lv.domainLookupByName({ name }).catch(unlessMissing);
  if (dom && dom.uuid !== instance) throw err('foreign_domain', { name, node });
}

const words = ({ incarnation, number }: Epoch): string => `${incarnation}.${number}`;

function unlessMissing(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}
