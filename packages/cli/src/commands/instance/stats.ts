import type { InstanceStats } from '@gantry/model';
import type { Given } from '../../given.ts';
import { instanceNames } from '../../names.ts';
import { entries, join, section, subTable } from '../../output/describe.ts';
import { printable } from '../../output/printable.ts';
import type { Session } from '../../session.ts';
import type { Verb } from '../../verb.ts';
import { amount, change, columns, type Reading, seconds } from './stats-columns.ts';
import { countFlag, everyFlag, watchReadings } from './stats-watch.ts';

export const instanceStats: Verb = {
  words: 'instance stats',
  summary: 'CPU, memory, disks and NICs of running instances as their nodes count them',
  details:
    'Counters begin with the start of QEMU. With --watch it is read again and again, and what grew is shown per second; -o json then writes one line for each reading.',
  arguments: [
    { name: '[NAME]', description: 'only this instance, with every disk and NIC', complete: instanceNames },
  ],
  flags: [
    { flags: '--watch', description: 'again and again, with rates, until Ctrl-C' },
    everyFlag,
    countFlag,
  ],
  examples: [
    'gantry instance stats',
    'gantry instance stats web1',
    'gantry instance stats --watch --every 1s',
  ],
  run: (session, given) => (given.on('watch') ? watchStats(session, given) : showOnce(session, given)),
};

async function read(session: Session, given: Given): Promise<InstanceStats[]> {
  const ref = given.args[0];
  if (ref !== undefined) return [await session.client.call('getInstanceStats', { params: { ref } })];
  const { items, silent } = await session.client.call('listInstanceStats', {});
  for (const node of silent) session.note(`node ${node} did not answer; its instances are not shown`);
  return items;
}

async function showOnce(session: Session, given: Given): Promise<void> {
  const readings = (await read(session, given)).map((now): Reading => ({ now }));
  const [only] = readings;
  const { out } = session;
  if (given.args[0] !== undefined && only)
    return await out.object(only.now, only.now.name, () => describe(only));
  const plain = out.format === 'json' || out.format === 'yaml';
  if (plain)
    await out.list(
      readings.map(({ now }) => now),
      [],
    );
  else await out.list(readings, columns);
}

const watchStats = (session: Session, given: Given): Promise<void> =>
  watchReadings(
    session,
    given,
    () => read(session, given),
    (readings) => draw(session, given, readings),
  );

async function draw(session: Session, given: Given, readings: readonly Reading[]): Promise<void> {
  const { out } = session;
  const [only] = readings;
  if (out.format === 'json') out.json(readings.map(({ now }) => now));
  else if (given.args[0] !== undefined && only && out.forPeople) out.redraw(printable(describe(only)));
  else out.redraw(await out.listText(readings, columns));
}

/** One instance with all its devices. */
function describe(reading: Reading): string {
  const { now } = reading;
  const { cpu, memory } = now;
  const [size, per] = [amount, (counter: (stats: InstanceStats) => number) => change(reading, counter)];
  return join(
    entries([
      ['name', now.name],
      ['node', now.node],
      ['at', now.at],
      [
        'cpu',
        columns
          .find(({ name }) => name === 'cpu')
          ?.value(reading)
          ?.toString(),
      ],
      ['vcpus', cpu.vcpus],
      ['of it user', seconds(cpu.userMs)],
      ['of it system', seconds(cpu.systemMs)],
      ['memory', `${size(memory.currentBytes)} of ${size(memory.maximumBytes)}`],
      ['usable in it', size(memory.usableBytes)],
      ['unused in it', size(memory.unusedBytes)],
      ['resident', size(memory.residentBytes)],
    ]),
    section(
      'Disks',
      subTable(
        ['DISK', 'READ', 'READS', 'WRITTEN', 'WRITES', 'FLUSHES', 'SIZE', 'ID'],
        now.disks.map((disk, i) => [
          disk.device,
          per((stats) => stats.disks[i]?.readBytes ?? 0),
          String(disk.reads),
          per((stats) => stats.disks[i]?.writtenBytes ?? 0),
          String(disk.writes),
          String(disk.flushes),
          size(disk.capacityBytes) ?? '-',
          disk.disk ?? '-',
        ]),
      ),
    ),
    section(
      'Networks',
      subTable(
        ['NIC', 'RECEIVED', 'PACKETS', 'DROPPED', 'SENT', 'PACKETS', 'DROPPED', 'HOST DEVICE'],
        now.nics.map((nic, i) => [
          String(nic.index),
          per((stats) => stats.nics[i]?.receivedBytes ?? 0),
          String(nic.receivedPackets),
          String(nic.receiveDrops + nic.receiveErrors),
          per((stats) => stats.nics[i]?.sentBytes ?? 0),
          String(nic.sentPackets),
          String(nic.sendDrops + nic.sendErrors),
          nic.device,
        ]),
      ),
    ),
  );
}
