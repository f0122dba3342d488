/** Offline: how much still fits? */
import { err, parseMiB } from '@gantry/model';
import type { CapacityOptions, CapacityReport } from '@gantry/placement';
import type { Given } from '../../given.ts';
import { join, section, subTable } from '../../output/describe.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import {
  jsonFlag,
  noCapacityFlag,
  offlineDetails,
  outputOf,
  readCluster,
  scoreLine,
  secondsSince,
  writeFlag,
  writeResult,
} from './files.ts';

export const placementCapacity: Verb = {
  words: 'placement capacity',
  summary: 'how many more instances a cluster could take, from a cluster file and without a cluster',
  details:
    `${offlineDetails}\n` +
    'Once with the standard size of the cluster’s policy, once from its largest size downwards. No node may come to fail\n' +
    'N+1 by it; how many leave every loss of a node covered is counted too, unless --no-capacity-checks says not to.',
  flags: [
    { flags: '--template <template>', description: 'disk template; default: the policy’s first' },
    { flags: '--memory <size>', description: 'memory of the standard size' },
    { flags: '--vcpus <count>', description: 'vCPUs of the standard size' },
    { flags: '--disk <size>', description: 'disk of the standard size' },
    { flags: '--limit <count>', description: 'stop after so many' },
    { flags: '--standard-only', description: 'leave the largest sizes out' },
    noCapacityFlag,
    writeFlag,
    jsonFlag,
  ],
  examples: [
    'gantry placement capacity --cluster lab.data',
    'gantry placement capacity --cluster lab.data --memory 8G --vcpus 4 --disk 80G --json',
  ],
  async run(session, given) {
    const start = performance.now();
    const { diskTemplates, planCapacity } = await import('@gantry/placement');
    const data = await readCluster(session);
    const template = given.text('template');
    if (template !== undefined && !diskTemplates.includes(template))
      throw err('invalid_argument', { what: template, wanted: `one of ${diskTemplates.join(', ')}` });
    const { report, after } = planCapacity(data, { ...optionsOf(given, data.policy.standard), template });
    await writeResult(given, after);
    const answer = { ...report, seconds: secondsSince(start) };
    await outputOf(session, given).object(answer, String(report.standard.size.count), () => describe(report));
  },
};

function optionsOf(given: Given, standard: { memory: number; disk: number; vcpus: number }): CapacityOptions {
  const { memory, disk, vcpus } = standard;
  return {
    standard: {
      ...{ memory, disk, vcpus },
      ...given.put('memory', 'memory', parseMiB),
      ...given.put('disk', 'disk', parseMiB),
      ...given.put('vcpus', 'vcpus', parseCount),
    },
    ...given.put('limit', 'limit', parseCount),
    standardOnly: given.on('standardOnly'),
    ignoreCapacity: !given.on('capacityChecks'),
  };
}

function describe({ standard, tiered }: CapacityReport): string {
  const { count, memory, disk, vcpus } = standard.size;
  const covered = standard.withLossesCovered;
  const head =
    `${count} more instances of ${memory} MiB, ${vcpus} vCPUs, ${disk} MiB of disk; score ${scoreLine(standard.score)}` +
    (covered === undefined ? '' : `\n${covered} of them with the loss of every node still covered`);
  const rows = (tiered?.tiers ?? []).map((tier) =>
    [tier.count, tier.memory, tier.vcpus, tier.disk].map(String),
  );
  const title = `From the largest size downwards: ${tiered?.count ?? 0}`;
  return join(head, tiered ? section(title, subTable(['COUNT', 'MEMORY', 'VCPUS', 'DISK'], rows)) : '');
}
