/** attach, detach and set of NICs: what each writes when it begins. */
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
  type SetNic,
  type Step,
} from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { networkTest } from '../placement/networks-there.ts';
import { withSpec } from '../store/batch.ts';
import { newAttachments } from './attachments.ts';
import { type BegunAction, begin, bindingOf, requireStillFits } from './begin-actions.ts';
import { claimNics, reclaimAddresses, requireTrust, trustOf } from './create-nics.ts';
import { DETACH_DEADLINE_MS } from './disk-detach.ts';
import { guestInput, readAncestry, theCluster } from './guest-spec.ts';
import { type NicOrder, nicSteps } from './nic-devices.ts';
import { withDevices } from './plug.ts';

/** As many as a NIC may be made with. */
const MOST_SOURCES = 64;

const waiting = (names: object): Step[] =>
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
function probeOf(addressCheck: boolean | undefined, now: Nic, before?: Nic): Pick<Plug, 'probe'> {
  const had = before?.network === now.network ? [before.ipv4, before.ipv6] : [];
  const probe = [now.ipv4, now.ipv6].filter((one) => one !== undefined && !had.includes(one)) as string[];
  return addressCheck === false || probe.length === 0 ? {} : { probe };
}

const slotted = (nics: readonly GuestNic[]): GuestNic[] =>
  nics.map((nic, position) => ({ ...nic, slot: nic.slot ?? position }));

async function requireThere(
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

async function entryOf({ app }: Asking, after: Instance, node: string, mac: string): Promise<GuestNic> {
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

const trustText = ({ filter, allow = [] }: Nic): string =>
  filter === 'off'
    ? ', filter off: it may pretend to be anybody'
    : allow.length > 0
      ? `, may send from ${allow.join(', ')} too`
      : '';

/** What it may send from. Who does not loosen it needs no right to. @throws GantryError `forbidden`, `invalid_argument` */
function changedTrust(
  asking: Asking,
  body: SetNic,
  nic: Nic,
  network: Network,
): Pick<Nic, 'filter' | 'allow'> {
  const stranger = body.disallow?.find((source) => !nic.allow?.includes(source));
  if (stranger)
    throw err('invalid_argument', {
      what: `${stranger}, to be disallowed,`,
      wanted: `one of those it is allowed: ${nic.allow?.join(', ') ?? 'none'}`,
    });
  const kept = (nic.allow ?? []).filter((source) => !body.disallow?.includes(source));
  const allow = [...new Set([...kept, ...(body.allow ?? [])])];
  if (allow.length > MOST_SOURCES)
    throw err('invalid_argument', { what: `${allow.length} sources`, wanted: `at most ${MOST_SOURCES}` });
  const off = (body.filter ?? nic.filter) === 'off';
  const trust = { ...(off ? { filter: 'off' as const } : {}), allow };
  // Elsewhere it would be others that it may pretend to be.
  const moves = network.id !== nic.network;
  if (body.filter === 'off' || body.allow?.length || moves) requireTrust(asking, trust);
  return trustOf(trust);
}

/** Cable and network reach a running guest at once; the addresses inside it are the guest’s own to change. */
export async function beginSetNic(
  asking: Asking,
  instance: Instance,
  place: number,
  body: SetNic,
): Promise<BegunAction> {
  const { app } = asking;
  const guest = await bindingOf(asking, instance);
  const nic = nicAt(instance, place);
  const { link: _, ...plain } = nic;
  const link = body.link ?? nic.link ?? 'up';
  const old = guest.spec.input.nics.find(({ mac }) => mac === nic.mac);
  const order: NicOrder = {
    mac: nic.mac,
    live: instance.status.state !== 'stopped' && old !== undefined,
    ...(old ? { before: { entry: old, nic } } : {}),
  };
  const what = {
    kind: 'nic.set',
    steps: waiting(nicSteps.set),
    input: order,
    state: instance.status.state,
  } as const;
  const { draft, operation, marked } = await begin(asking, instance, what, body);
  const network = await resolve(asking, 'network', body.network ?? nic.network);
  await requireThere(asking, instance, guest.spec.node, network);
  const addresses = await reclaimAddresses(asking, body, network, nic, instance.id, draft);
  const {
    ipv4: __,
    prefix: ___,
    ipv6: ____,
    prefix6: _____,
    filter: ______,
    allow: _______,
    ...bare
  } = plain;
  const changed: Nic = {
    ...bare,
    network: network.id as Nic['network'],
    ...addresses,
    ...changedTrust(asking, body, nic, network),
    ...(link === 'down' ? { link } : {}),
  };
  const nics = instance.spec.nics.map((one) => (one.mac === nic.mac ? changed : one));
  const after = withSpec(marked, { nics });
  const entry = await entryOf(asking, after, guest.spec.node, nic.mac);
  draft.put(after);
  await newAttachments(app, draft, [network], guest.spec.node);
  const rest = guest.spec.input.nics.map((one) => (one.mac === nic.mac ? entry : one));
  const probe = probeOf(body.addressCheck, changed, nic);
  const asked = order.live || probe.probe;
  const plug = asked ? { plug: { do: 'update' as const, mac: nic.mac, ...probe } } : {};
  draft.put(withDevices(guest, operation, { nics: rest, ...plug }));
  const to = [changed.ipv4, changed.ipv6].filter(Boolean).join(' ') || 'no address';
  return {
    draft,
    operation,
    plan: [
      `NIC ${place} of ${instance.name}: network ${network.name}, ${to}, link ${link}${trustText(changed)}`,
    ],
  };
}
