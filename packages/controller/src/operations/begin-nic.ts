/** attach and detach of NICs: what each writes when it begins. */
import { checkCombination } from '@gantry/guest';
import {
  type AttachNic,
  type CreateInstance,
  err,
  type GuestNic,
  type Instance,
  type Network,
  type Nic,
  type Plug,
  type Step,
} from '@gantry/model';
import type { Asking } from '../api/call.ts';
import { networkTest } from '../placement/networks-there.ts';
import { withSpec } from '../store/batch.ts';
import { newAttachments } from './attachments.ts';
import { type BegunAction, begin, bindingOf, requireStillFits } from './begin-actions.ts';
import { claimNics } from './create-nics.ts';
import { DETACH_DEADLINE_MS } from './disk-detach.ts';
import { guestInput, readAncestry, theCluster } from './guest-spec.ts';
import { type NicOrder, nicSteps } from './nic-devices.ts';
import { withDevices } from './plug.ts';

export const waiting = (names: object): Step[] =>
  Object.values(names).map((name) => ({ name: String(name), state: 'waiting' }));

export const slotOf = (nic: Nic, position: number): number => nic.slot ?? position;

/** @throws GantryError `address_taken`, `no_capacity` where the network is not on its node */
export async function beginAttachNic(
  asking: Asking,
  instance: Instance,
  body: AttachNic,
): Promise<BegunAction> {
  const { app } = asking;
  const guest = await bindingOf(asking, instance);
  const { deadlineMs, reason, link, addressCheck, ...wanted } = body;
  const order: NicOrder = { mac: '' };
  const what = {
    kind: 'nic.attach',
    steps: waiting(nicSteps.attach),
    input: order,
    state: instance.status.state,
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, { deadlineMs, reason });
  const { macPrefix } = (await theCluster(app.store)).spec;
  const claimed = await claimNics(
    asking,
    { nics: [wanted] } as unknown as CreateInstance,
    instance.id,
    macPrefix,
    draft,
  );
  const [granted] = claimed.nics;
  const [network] = claimed.networks;
  if (!granted || !network) throw err('not_found', { kind: 'network', name: body.network });
  await requireThere(asking, instance, guest.spec.node, network);
  const slots = new Set(instance.spec.nics.map(slotOf));
  const slot =
    Array.from({ length: slots.size + 1 }, (_, index) => index).find((one) => !slots.has(one)) ?? 0;
  const nic: Nic = { ...granted, slot, ...(link === 'down' ? { link } : {}) };
  const kept = instance.spec.nics.map((one, position) => ({ ...one, slot: slotOf(one, position) }));
  const after = withSpec(marked, { nics: [...kept, nic] });
  const entry = await entryOf(asking, after, guest.spec.node, nic.mac);
  await requireStillFits(asking, guest, { ...guest.spec.input, nics: [...guest.spec.input.nics, entry] });
  draft.put(after);
  draft.put({ ...operation, spec: { ...operation.spec, input: { mac: nic.mac } } });
  await newAttachments(app, draft, [network], guest.spec.node);
  draft.put(
    withDevices(guest, operation, {
      nics: [...slotted(guest.spec.input.nics), entry],
      plug: { do: 'attach', mac: nic.mac, ...probeOf(addressCheck, nic) },
    }),
  );
  const address = [nic.ipv4, nic.ipv6].filter(Boolean).join(' ') || 'no address';
  const when = instance.status.state === 'stopped' ? 'its next start has it' : 'plugged in now';
  return {
    draft,
    operation,
    plan: [`attach a NIC of network ${network.name} to ${instance.name}: ${address}, ${nic.mac}, ${when}`],
  };
}

/** Addresses that it did not have before: nobody else may. */
export function probeOf(addressCheck: boolean | undefined, now: Nic, before?: Nic): Pick<Plug, 'probe'> {
  const had = before?.network === now.network ? [before.ipv4, before.ipv6] : [];
  const probe = [now.ipv4, now.ipv6].filter((one) => one !== undefined && !had.includes(one)) as string[];
  return addressCheck === false || probe.length === 0 ? {} : { probe };
}

const slotted = (nics: readonly GuestNic[]): GuestNic[] =>
  nics.map((nic, position) => ({ ...nic, slot: nic.slot ?? position }));

export async function requireThere(
  { app }: Asking,
  instance: Instance,
  at: string,
  network: Network,
): Promise<void> {
  const node = await app.store.get('node', at);
  const group = node && (await app.store.get('group', node.spec.group));
  const [why] = node ? (await networkTest(app.store, [network]))(node, group) : [];
  if (why)
    throw err('no_capacity', {
      name: instance.name,
      why: `on its node ${node?.name ?? at} ${why.message}`,
      waysOut: `Connect the network to the group of the node: \`gantry network set ${network.name}\`.`,
    });
}

export async function entryOf(
  { app }: Asking,
  after: Instance,
  node: string,
  mac: string,
): Promise<GuestNic> {
  const input = guestInput(after, await readAncestry(app.store, after, node as never));
  checkCombination(input);
  const entry = input.nics.find((nic) => nic.mac === mac);
  if (!entry) throw err('not_found', { kind: 'NIC', name: mac });
  return entry;
}

export async function beginDetachNic(
  asking: Asking,
  instance: Instance,
  place: number,
  wishes: { deadlineMs?: number | undefined; reason?: string | undefined },
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const nic = nicAt(instance, place);
  const entry = guest.spec.input.nics.find(({ mac }) => mac === nic.mac);
  const nics = slotted(guest.spec.input.nics);
  const order: NicOrder = {
    mac: nic.mac,
    ...(entry ? { before: { entry: { ...entry, slot: place }, nic } } : {}),
  };
  const what = {
    kind: 'nic.detach',
    steps: waiting(nicSteps.detach),
    input: order,
    state: instance.status.state,
  } as const;
  const deadlineMs = wishes.deadlineMs ?? DETACH_DEADLINE_MS;
  const { draft, operation, marked } = await begin(asking, instance, what, { ...wishes, deadlineMs });
  const kept = instance.spec.nics.map((one, position) => ({ ...one, slot: slotOf(one, position) }));
  draft.put(withSpec(marked, { nics: kept }));
  draft.put(withDevices(guest, operation, { nics, plug: { do: 'detach', mac: nic.mac } }));
  const freed = [nic.ipv4, nic.ipv6].filter(Boolean).join(' ');
  return {
    draft,
    operation,
    plan: [`detach NIC ${place} (${nic.mac}) from ${instance.name}${freed ? `, and free ${freed}` : ''}`],
  };
}

/** @throws GantryError `not_found` */
export function nicAt({ name, spec }: Instance, place: number): Nic {
  const nic = spec.nics.find((one, position) => slotOf(one, position) === place);
  if (!nic) throw err('not_found', { kind: 'NIC', name: `${name}:${place}` });
  return nic;
}
