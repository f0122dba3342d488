/** Offline: where would a new instance go? */
import { err, type GantryError, parseMiB } from '@gantry/model';
import type { AllocationRequest, ClusterData, IallocatorRequest, Placed, Reason } from '@gantry/placement';
import type { Given } from '../../given.ts';
import { join, section, subTable } from '../../output/describe.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import {
  bytesOf,
  groupOf,
  jsonFlag,
  noCapacityFlag,
  offlineDetails,
  outputOf,
  readCluster,
  scoreLine,
  scoreTable,
  secondsSince,
  writeFlag,
  writeResult,
} from './files.ts';
import { relocate } from './relocate.ts';

/** DRBD keeps its metadata beside each disk. */
const DRBD_META_MIB = 128;

export const placementAllocate: Verb = {
  words: 'placement allocate',
  summary: 'where a new instance would go, from a cluster file and without a cluster',
  details:
    `${offlineDetails}\n` +
    'The instance is described by options, or by a request as Ganeti hands it to iallocators: allocate and multi-allocate, and\n' +
    'relocate, node-evacuate and change-group, for which instances of the file leave one of their nodes or both.\n' +
    'A node that fails N+1 elsewhere refuses nothing: the new instance must not break what holds now.',
  flags: [
    { flags: '--request <file>', description: 'iallocator request in JSON, instead of the options' },
    { flags: '--name <name>', description: 'name of the instance; default: new' },
    { flags: '--memory <size>', description: 'memory, such as 8G' },
    { flags: '--vcpus <count>', description: 'vCPUs' },
    { flags: '--disk <size>', description: 'a disk, such as 80G', many: true },
    { flags: '--template <template>', description: 'disk template; default: the policy’s first' },
    { flags: '--tag <tag>', description: 'a tag of the instance', many: true },
    { flags: '--spindle-use <count>', description: 'spindles that it counts for; default: 1' },
    { flags: '--group <group>', description: 'only in this group' },
    noCapacityFlag,
    writeFlag,
    jsonFlag,
  ],
  examples: [
    'gantry placement allocate --cluster lab.data --memory 8G --vcpus 4 --disk 80G --template drbd',
    'gantry placement allocate --cluster lab.data --request request.json --json --write after.data',
  ],
  async run(session, given) {
    const start = performance.now();
    const { planAllocation } = await import('@gantry/placement');
    session.io.hurry?.();
    const data = await readCluster(session);
    const request = await requestFrom(given);
    if (request?.move) return relocate(session, given, data, request.move);
    const requests = await requestsFrom(given, data, request?.place);
    refuseTaken(requests, data);
    const { placed, after } = planAllocation(data, requests, { ignoreCapacity: !given.on('capacityChecks') });
    const failed = placed.filter(({ nodes }) => nodes.length === 0);
    if (failed.length === 0) await writeResult(given, after);
    const answer = answerOf(placed, secondsSince(start));
    const names = placed.flatMap(({ nodes }) => nodes).join(' ');
    await outputOf(session, given).object(answer, names, () => placed.map(describe).join('\n'));
    const [first] = failed;
    if (first) throw await refusal(first, requests, data, given);
  },
};

async function requestFrom(given: Given): Promise<IallocatorRequest | undefined> {
  const path = given.text('request');
  if (path === undefined) return undefined;
  const { parseRequest } = await import('@gantry/placement');
  return parseRequest(bytesOf('--request', path));
}

/** @param asked those of `--request` */
async function requestsFrom(
  given: Given,
  data: ClusterData,
  asked: AllocationRequest[] | undefined,
): Promise<AllocationRequest[]> {
  if (asked && (given.text('memory') !== undefined || given.all('disk').length > 0))
    throw err('usage', { what: '--request describes the instance: leave --memory and --disk away' });
  groupOf(given, data);
  const group = given.text('group');
  const requests = asked ?? [await requestFromFlags(given, data)];
  return group === undefined ? requests : requests.map((request) => ({ ...request, group }));
}

async function requestFromFlags(given: Given, data: ClusterData): Promise<AllocationRequest> {
  const { diskTemplates, needsSecondary } = await import('@gantry/placement');
  const needed = (name: string): string => {
    const text = given.text(name);
    if (text === undefined)
      throw err('usage', { what: `say --${name}, or describe the instance by --request` });
    return text;
  };
  const template = given.text('template') ?? data.policy.templates[0] ?? 'plain';
  if (!diskTemplates.includes(template))
    throw err('invalid_argument', { what: template, wanted: `one of ${diskTemplates.join(', ')}` });
  const disks = given.all('disk').map(parseMiB);
  const meta = needsSecondary(template) ? DRBD_META_MIB : 0;
  const tags = given.all('tag');
  for (const text of [...tags, given.text('name') ?? ''])
    if (/[|,\s]/.test(text))
      throw err('invalid_argument', { what: text, wanted: 'without "|", "," and spaces' });
  return {
    spec: {
      name: given.text('name') ?? 'new',
      memory: parseMiB(needed('memory')),
      vcpus: parseCount(needed('vcpus')),
      disk: disks.reduce((sum, size) => sum + size + meta, 0),
      disks,
      status: 'running',
      autoBalance: true,
      template,
      tags: [...tags],
      spindleUse: parseCount(given.text('spindleUse') ?? '1'),
      diskSpindles: undefined,
      forthcoming: false,
    },
    networks: [],
  };
}

function refuseTaken(requests: readonly AllocationRequest[], { instances }: ClusterData): void {
  const asked = new Set<string>();
  const refuse = (name: string): never => {
    throw err('name_taken', { kind: 'instance', name });
  };
  for (const { spec } of requests) {
    if (asked.has(spec.name)) refuse(spec.name);
    asked.add(spec.name);
  }
  const taken = instances.find(({ name }) => asked.has(name));
  if (taken) refuse(taken.name);
}

/** Of one instance its own answer; of several a list. */
function answerOf(placed: readonly Placed[], seconds: number): object {
  const shown = placed.map((one) => ({ success: one.nodes.length > 0, ...one }));
  return placed.length === 1 ? { ...shown[0], seconds } : { placed: shown, seconds };
}

function describe({ instance, nodes, group, score, refused, lookedAt }: Placed): string {
  const [primary, secondary] = nodes;
  const head =
    primary === undefined || score === undefined
      ? `${instance}: no node can take it; ${lookedAt} looked at`
      : `${instance}: ${primary}${secondary ? ` with secondary ${secondary}` : ''}, group ${group}; score ${scoreLine(score)}`;
  const rows = refused.map((one) => [one.node, wordsOf(one.primary), wordsOf(one.secondary)]);
  return join(
    head,
    score ? section('Score', scoreTable(score)) : '',
    section(`Refused (of ${lookedAt} nodes)`, subTable(['NODE', 'AS PRIMARY', 'AS SECONDARY'], rows)),
  );
}

const wordsOf = (reason: Reason | undefined): string => reason?.message ?? '-';

async function refusal(
  { instance, refused, lookedAt, lossesUncovered }: Placed,
  requests: readonly AllocationRequest[],
  data: ClusterData,
  given: Given,
): Promise<GantryError> {
  if (lossesUncovered)
    return err('no_capacity', {
      name: instance,
      why: 'wherever it fits, the loss of some node could no longer be covered',
      waysOut: '--no-capacity-checks places it all the same',
    });
  const request = requests.find(({ spec }) => spec.name === instance) as AllocationRequest;
  return err('no_capacity', {
    name: instance,
    why: `${lookedAt} nodes looked at: ${counted(refused.map(({ primary, secondary }) => primary ?? secondary))}`,
    waysOut: await waysOut(request, data, given),
  });
}

/** "3 memory, 2 n+1", the most frequent first. */
function counted(reasons: readonly (Reason | undefined)[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) if (reason) counts.set(reason.test, (counts.get(reason.test) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return (
    sorted.map(([test, count]) => `${count} ${test}`).join(', ') || 'no two nodes of one group can take it'
  );
}

/** Only what has been tried. */
async function waysOut(request: AllocationRequest, data: ClusterData, given: Given): Promise<string> {
  const { planAllocation } = await import('@gantry/placement');
  const options = { ignoreCapacity: !given.on('capacityChecks') };
  const fits = (memory: number) =>
    planAllocation(data, [{ ...request, spec: { ...request.spec, memory } }], options).placed[0]?.nodes
      .length !== 0;
  const halves = [1, 2, 3, 4, 5, 6].map((power) => Math.floor(request.spec.memory / 2 ** power));
  const memory = halves.find((half) => half >= 64 && fits(half));
  return memory === undefined ? 'free resources, or add a node' : `with ${memory} MiB of memory it fits`;
}
