import { counted, formatBytes, type Guest, type Instance, isGantryError, type Nic } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import { timelineText } from '../../operations/words.ts';
import { ago, type Entry, entries, join, section, subTable } from '../../output/describe.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { namesById } from '../pages.ts';
import { roomText } from '../room-flags.ts';
import { adoptedText } from './adopted.ts';
import { affinityTable } from './affinity.ts';
import { insideText } from './inside.ts';
import { settingsTable } from './settings.ts';

export const instanceShow: Verb = {
  words: 'instance show',
  summary: 'an instance: what it is, how it is, and why each setting is as it is',
  arguments: [instanceArgument],
  examples: [
    'gantry instance show web1',
    'gantry instance show web1 -o json',
    'gantry instance show web1 -o wide',
  ],
  async run(session, given) {
    const params = { ref: given.arg(0, 'name') };
    const instance = await session.client.call('getInstance', { params });
    await session.out.object(instance, instance.name, () => describe(session, instance));
  },
};

async function describe(session: Session, instance: Instance): Promise<string> {
  const { client, out } = session;
  const [guest, names, affinity] = await Promise.all([
    guestOf(session, instance),
    allNames(session),
    client.call('getInstanceAffinity', { params: { ref: instance.id } }),
  ]);
  const settings = guest?.status.explanation ?? [];
  return join(
    entries(factsOf(instance, guest, names)),
    section('Conditions', conditions(instance, guest)),
    section('Affinity', affinityTable(affinity.items)),
    section('Inside', insideText(guest?.status.inside)),
    section('Networks', nics(instance, names)),
    section('Disks', await disks(client, instance)),
    section('Imported', adoptedText(instance.spec.adopted)),
    section('CD drives', cds(instance, guest, names)),
    section('Settings', settingsTable(settings, out.format === 'wide')),
  );
}

/** The binding may be gone, or not there yet: then there is nothing to explain. */
async function guestOf({ client }: Session, { id }: Instance): Promise<Guest | undefined> {
  try {
    return await client.call('getInstanceGuest', { params: { ref: id } });
  } catch (error) {
    if (isGantryError(error, 'not_found')) return undefined;
    throw error;
  }
}

type Names = ReadonlyMap<string, string>;
async function allNames({ client }: Session): Promise<Names> {
  const routes = ['listNodes', 'listFlavors', 'listImages', 'listNetworks', 'listProjects'] as const;
  const maps = await Promise.all(routes.map((route) => namesById(client, route)));
  return new Map(maps.flatMap((map) => [...map]));
}

function factsOf(instance: Instance, guest: Guest | undefined, names: Names): Entry[] {
  const { spec, status } = instance;
  const name = (id: string | undefined) => (id === undefined ? undefined : (names.get(id) ?? id));
  const policy = Object.entries(spec.guest ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    ['name', instance.name],
    ['id', instance.id],
    ['project', name(instance.project)],
    [
      'labels',
      Object.entries(instance.labels ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    ],
    ['state', stateText(instance, guest)],
    ['wanted', spec.power],
    ['node', name(status.node)],
    ['domain', guest?.status.domain],
    ['accelerator', guest?.status.accelerator],
    ['machine', guest?.status.hardware?.machineType],
    ['flavor', name(spec.flavor)],
    ['vcpus', sizeText(spec.vcpus, guest?.status.size?.vcpus)],
    ['memory', sizeText(bytes(spec.memoryMiB), guest?.status.size && bytes(guest.status.size.memoryMiB))],
    ['room', roomText(spec)],
    ['resize', spec.resize && resizeText(instance, name(spec.resize.from.flavor))],
    ['image', name(spec.image)],
    ['os', spec.os && [spec.os.provider, spec.os.variant].filter(Boolean).join('+')],
    ['boots', [bootText(spec.boot), spec.bootOrder?.join(', ')].filter(Boolean).join(': ')],
    ['rescue', spec.rescue && `boots ${bootText(spec.rescue.boot)} of its rescue disk`],
    [
      'clone of',
      spec.origin && `${spec.origin.name} at ${spec.origin.at}, ${copyText[spec.origin.consistency]}`,
    ],
    ['policy', policy.join(' ')],
    ['protected', spec.protected ? 'yes: it cannot be deleted' : undefined],
    ['locked', spec.locked && `by ${spec.locked.by} since ${spec.locked.at}: ${spec.locked.reason}`],
    ['operation', status.operation],
    ['restarts', guest?.status.restarts || undefined],
    ['console log', guest?.status.console],
    ['created', `${instance.createdAt} (${ago(instance.createdAt, Date.now())} ago)`],
    ['timeline', timelineText(status.timeline)],
  ];
}

const copyText = { stopped: 'which was down', quiesced: 'quiesced', crash: 'as after a power cut' } as const;

const bytes = (mib: number): string => formatBytes(mib * 2 ** 20);

/** What a running guest has of it, where that differs. */
const sizeText = (wanted: string | number, has: string | number | undefined): string =>
  has === undefined || has === wanted ? String(wanted) : `${wanted} (the running guest has ${has})`;

function resizeText({ name, spec }: Instance, flavor: string | undefined): string | undefined {
  if (!spec.resize) return undefined;
  const { from, at, by, confirmsAt } = spec.resize;
  const size = [flavor, counted(from.vcpus, 'vCPU'), bytes(from.memoryMiB)].filter(Boolean).join(', ');
  const until = confirmsAt ? `is confirmed at ${confirmsAt} unless` : 'waits:';
  return `from ${size} by ${by} at ${at}; ${until} gantry instance resize ${name} --confirm | --revert`;
}

const stateText = ({ status }: Instance, guest: Guest | undefined): string => {
  const ended = guest?.status.endedBy ? `ended by ${guest.status.endedBy}` : undefined;
  const why = status.reason ?? (status.state === 'running' ? undefined : ended);
  return why ? `${status.state}: ${why}` : status.state;
};

const bootText = ({ kernel, initrd, root, args }: Instance['spec']['boot']): string =>
  kernel === 'disk'
    ? 'from its disk'
    : [`kernel ${kernel}`, initrd && `initrd ${initrd}`, root && `root ${root}`, args]
        .filter(Boolean)
        .join(', ');

/** What does not hold, with what to do; what holds is not worth a line. */
function conditions(instance: Instance, guest: Guest | undefined): string {
  const lines = instance.status.conditions
    .filter((one) => one.status !== 'true')
    .map(
      (one) =>
        `  ${one.type} ${one.status === 'false' ? 'does not hold' : 'is unknown'} (${one.reason}): ${one.message}`,
    );
  const error = guest?.status.error;
  if (error) lines.push(`  ${error.title} [${error.code}]${error.hint ? `\n    ${error.hint}` : ''}`);
  return lines.join('\n');
}

const nics = ({ spec }: Instance, names: Names): string =>
  subTable(
    ['NIC', 'NETWORK', 'ADDRESS', 'MAC'],
    spec.nics.map((nic, i) => {
      const address = addressesOf(nic).join(' ') || '-';
      return [String(i), names.get(nic.network) ?? nic.network, address, nic.mac];
    }),
  );

async function disks(client: Session['client'], instance: Instance): Promise<string> {
  const found = await Promise.all(
    instance.spec.disks.map((ref) => client.call('getDisk', { params: { ref } })),
  );
  return subTable(
    ['DISK', 'SIZE', 'TEMPLATE', 'STATE', 'FROM'],
    found.map(({ spec, status }) => [
      String(spec.index),
      formatBytes(spec.sizeBytes),
      spec.template,
      status.state,
      spec.source.kind,
    ]),
  );
}

/** What each is to hold, and what the running guest has done with it. */
const cds = ({ spec }: Instance, guest: Guest | undefined, names: Names): string =>
  subTable(
    ['CD', 'BUS', 'IMAGE', 'TRAY'],
    (spec.cds ?? []).map(({ slot, bus, image }) => {
      const seen = guest?.status.cds?.find((cd) => cd.slot === slot);
      const tray = seen && (seen.foreign ? `${seen.tray}, something else lies in it` : seen.tray);
      const holds = image === undefined ? 'empty' : (names.get(image) ?? image);
      return [String(slot), bus ?? '-', holds, tray ?? '-'];
    }),
  );

/** `10.0.0.7/24`, `2001:db8::7/64`. */
export function addressesOf({
  ipv4,
  prefix,
  ipv6,
  prefix6,
}: Pick<Nic, 'ipv4' | 'prefix' | 'ipv6' | 'prefix6'>): string[] {
  const text = (address: string | undefined, length: number | undefined): string[] =>
    address === undefined ? [] : [length === undefined ? address : `${address}/${length}`];
  return [...text(ipv4, prefix), ...text(ipv6, prefix6)];
}
