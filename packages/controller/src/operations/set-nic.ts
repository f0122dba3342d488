/** `nic set`: what of a NIC changes, and what of that a running guest has at once. */
import { err, type GuestNic, type Instance, type Network, type Nic, type SetNic } from '@gantry/model';
import { type Asking, resolve } from '../api/call.ts';
import { withSpec } from '../store/batch.ts';
import { newAttachments } from './attachments.ts';
import { type BegunAction, begin, bindingOf } from './begin-actions.ts';
import { entryOf, nicAt, probeOf, requireThere, waiting } from './begin-nic.ts';
import { reclaimAddresses, requireTrust, trustOf } from './create-nics.ts';
import { DETACH_DEADLINE_MS } from './disk-detach.ts';
import { type NicOrder, nicSteps } from './nic-devices.ts';
import { withDevices } from './plug.ts';

/** As many as a NIC may be made with. */
const MOST_SOURCES = 64;

/**
 * Cable, network and filter reach a running guest at once; another model is another device, which it has from its next
 * start on, or has to give up for. The addresses inside it are the guest’s own to change.
 */
export async function beginSetNic(
  asking: Asking,
  instance: Instance,
  place: number,
  body: SetNic,
): Promise<BegunAction> {
  const guest = await bindingOf(asking, instance);
  const nic = nicAt(instance, place);
  const old = guest.spec.input.nics.find(({ mac }) => mac === nic.mac);
  const live = instance.status.state !== 'stopped' && old !== undefined;
  const order: NicOrder = { mac: nic.mac, live, ...(old ? { before: { entry: old, nic } } : {}) };
  const what = {
    kind: 'nic.set',
    steps: waiting(nicSteps.set),
    input: order,
    state: instance.status.state,
  } as const;
  const deadlineMs = body.deadlineMs ?? (body.replug ? DETACH_DEADLINE_MS : undefined);
  const { draft, operation, marked } = await begin(asking, instance, what, { ...body, deadlineMs });
  const network = await resolve(asking, 'network', body.network ?? nic.network);
  await requireThere(asking, instance, guest.spec.node, network);
  const addresses = await reclaimAddresses(asking, body, network, nic, instance.id, draft);
  const changed = changedNic(nic, body, {
    network: network.id as Nic['network'],
    ...addresses,
    ...changedTrust(asking, body, nic, network),
  });
  const nics = instance.spec.nics.map((one) => (one.mac === nic.mac ? changed : one));
  const after = withSpec(marked, { nics });
  const planned = await entryOf(asking, after, guest.spec.node, nic.mac);
  const replug = live && body.replug === true && planned.model !== old.model;
  const entry = live && !replug ? withModel(planned, old.model) : planned;
  draft.put(after);
  await newAttachments(asking.app, draft, [network], guest.spec.node);
  const rest = guest.spec.input.nics.map((one) => (one.mac === nic.mac ? entry : one));
  const probe = probeOf(body.addressCheck, changed, nic);
  const plug = { do: 'update' as const, mac: nic.mac, ...probe, ...(replug ? { replug } : {}) };
  draft.put(withDevices(guest, operation, { nics: rest, ...(live || probe.probe ? { plug } : {}) }));
  const said = `NIC ${place} of ${instance.name}: network ${network.name}, ${nicText(changed)}`;
  return { draft, operation, plan: [said, ...modelText(planned, entry, replug)] };
}

type Part = Pick<Nic, 'network' | 'ipv4' | 'prefix' | 'ipv6' | 'prefix6' | 'filter' | 'allow'>;

function changedNic({ mac, slot, ...nic }: Nic, body: SetNic, part: Part): Nic {
  const link = body.link ?? nic.link;
  const model = body.model === undefined ? nic.model : body.model;
  return {
    ...part,
    mac,
    ...(slot === undefined ? {} : { slot }),
    ...(link === 'down' ? { link } : {}),
    ...(model ? { model } : {}),
  };
}

const withModel = ({ model: _, ...nic }: GuestNic, model: GuestNic['model']): GuestNic =>
  model ? { ...nic, model } : nic;

/**
 * What it may send from. Who does not loosen it needs no right to.
 * @throws GantryError `forbidden`, `invalid_argument`
 */
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

function nicText({ ipv4, ipv6, link = 'up', filter, allow = [] }: Nic): string {
  const addresses = [ipv4, ipv6].filter(Boolean).join(' ') || 'no address';
  const trust =
    filter === 'off'
      ? ['filter off: it may pretend to be anybody']
      : allow.length > 0
        ? [`may send from ${allow.join(', ')} too`]
        : [];
  return [addresses, `link ${link}`, ...trust].join(', ');
}

function modelText({ model }: GuestNic, entry: GuestNic, replug: boolean): string[] {
  const becomes = `it becomes ${model ?? 'what the image says'}`;
  if (replug) return [`${becomes} now: taken out and plugged in again, its link is gone meanwhile`];
  return model === entry.model ? [] : [`${becomes} at the next start of its guest; with \`--replug\` now`];
}
