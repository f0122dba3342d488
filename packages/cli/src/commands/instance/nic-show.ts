import type { Instance, InstanceStats, Nic } from '@gantry/model';
import { permits } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instanceArgument } from '../../names.ts';
import { entries, join, section } from '../../output/describe.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { addressesOf } from './show.ts';

export const instanceNicShow: Verb = {
  words: 'instance nic show',
  alias: 'list',
  summary: 'NICs of an instance: addresses, what each may send from, what was not let out',
  details:
    'Counters are those of the node, since the filter was put in place; they are there while the instance runs. Why a frame is not let out: docs/anti-spoofing.md.',
  arguments: [instanceArgument],
  examples: ['gantry instance nic show web1'],
  run: show,
};

type Counted = InstanceStats['nics'][number];
interface ShownNic extends Omit<Nic, 'network'> {
  index: number;
  network: string;
  counters?: Counted;
}

async function show(session: Session, given: Given): Promise<void> {
  const ref = given.args[0] ?? '';
  const instance = await session.client.call('getInstance', { params: { ref } });
  const [{ items: networks }, stats] = await Promise.all([
    session.client.call('listNetworks', {}),
    statsOf(session, instance),
  ]);
  const nics = instance.spec.nics.map((nic, index): ShownNic => {
    const counters = stats?.nics.find((counted) => counted.index === index);
    const network = networks.find(({ id }) => id === nic.network)?.name ?? nic.network;
    return { ...nic, index: nic.slot ?? index, network, ...(counters ? { counters } : {}) };
  });
  await session.out.object(nics, instance.name, () =>
    nics.length === 0 ? `${instance.name} has no NIC` : join(...nics.map(describe)).trimStart(),
  );
}

/** A node that does not answer hides its counters only. */
async function statsOf(session: Session, { id, name, status }: Instance): Promise<InstanceStats | undefined> {
  if (!permits('stats', status.state)) return undefined;
  return session.client.call('getInstanceStats', { params: { ref: id } }).catch(() => {
    session.note(`the node of ${name} did not answer; there are no counters`);
    return undefined;
  });
}

function describe({ index, network, mac, link, model, filter, allow, counters, ...nic }: ShownNic): string {
  const address = addressesOf(nic).join(' ') || 'none';
  return section(
    `NIC ${index}`,
    entries(
      [
        ['network', network],
        ['mac', mac],
        ['address', address],
        ['link', link],
        ['model', model],
        ['filter', filter ?? 'on'],
        ['may send from', allow?.join(', ')],
        ['host device', counters?.device],
        ['received', counters && `${counters.receivedBytes} bytes in ${counters.receivedPackets} packets`],
        ['sent', counters && `${counters.sentBytes} bytes in ${counters.sentPackets} packets`],
        ['not let out', spoofedText(counters)],
      ],
      '  ',
    ),
  );
}

function spoofedText(counters: Counted | undefined): string | undefined {
  if (!counters?.spoofed) return undefined;
  const reasons = Object.entries(counters.spoofed).map(([why, frames]) => `${frames} ${why}`);
  return reasons.length === 0 ? 'nothing' : reasons.join(', ');
}
