/** What an operator could do instead of what was refused. Each is tried before it is named: it leads to a place. */
import { overheadMiB } from '@gantry/guest';
import { type AffinityRule, isGantryError, type NodeVerdict, type PlacementDecision } from '@gantry/model';
import type { Candidate } from './capacity.ts';
import type { Sayable, Wanted } from './wanted.ts';

/** Where it would go. */
type Try = (on: readonly Candidate[], wanted: Wanted) => PlacementDecision;

interface Way {
  say: string;
  on?: readonly Candidate[];
  wanted?: Wanted;
}

export type Tried = NonNullable<PlacementDecision['refused']>['tried'][number];

/** So many are named of each kind. */
const MOST = 3;

export function waysOut(
  all: readonly Candidate[],
  wanted: Wanted,
  { verdicts }: PlacementDecision,
  attempt: Try,
): Tried[] {
  const works = ({ on = all, wanted: changed = wanted }: Way) => {
    try {
      return attempt(on, changed).chosen !== undefined;
    } catch (error) {
      // the flavor’s settings may ask for exactly what was asked
      if (isGantryError(error)) return false;
      throw error;
    }
  };
  const may = (what: Sayable): boolean => wanted.sayable?.includes(what) ?? true;
  const ways = [
    ...(may('size') ? [...lessMemory(wanted, verdicts), ...fewerVcpus(wanted, verdicts)] : []),
    ...(may('node') ? anywhere(wanted) : []),
    ...(may('rules') ? softRules(wanted) : []),
    ...undrained(all, wanted, verdicts),
  ];
  return ways.map((way) => ({ way: way.say, works: works(way) }));
}

/** Of nodes against which only this one test stands, the best that they have. */
function bestOf(test: string, verdicts: readonly NodeVerdict[]): number {
  const only = verdicts.filter(({ rejections }) => rejections.every((rejection) => rejection.test === test));
  return Math.max(0, ...only.flatMap(({ rejections }) => rejections.map(({ available = 0 }) => available)));
}

/** Memory is offered in steps, as people say it. */
const STEP_MIB = 64;

function lessMemory(wanted: Wanted, verdicts: readonly NodeVerdict[]): Way[] {
  const { input } = wanted;
  const freeMiB = bestOf('memory', verdicts);
  // QEMU’s own share is 1/256 of the guest’s memory, beside what does not depend on it
  const guestMiB = Math.floor(((freeMiB - overheadMiB(0, input.vcpus)) * 256) / 257);
  const memoryMiB = Math.floor(guestMiB / STEP_MIB) * STEP_MIB;
  if (memoryMiB <= 0 || memoryMiB >= input.memoryMiB) return [];
  return [{ say: `--memory ${sizeText(memoryMiB)}`, wanted: { ...wanted, input: { ...input, memoryMiB } } }];
}

const sizeText = (mib: number): string => (mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`);

function fewerVcpus(wanted: Wanted, verdicts: readonly NodeVerdict[]): Way[] {
  const { input } = wanted;
  const vcpus = bestOf('vcpus', verdicts);
  if (vcpus <= 0 || vcpus >= input.vcpus) return [];
  return [{ say: `--vcpus ${vcpus}`, wanted: { ...wanted, input: { ...input, vcpus } } }];
}

const anywhere = (wanted: Wanted): Way[] =>
  wanted.only === undefined ? [] : [{ say: 'leave --node away', wanted: { ...wanted, only: undefined } }];

/** The instance’s own hard rules as wishes. */
function softRules(wanted: Wanted): Way[] {
  const { affinity = [] } = wanted.newcomer;
  const hard = affinity.filter(({ policy }) => !policy.startsWith('soft-'));
  if (hard.length === 0) return [];
  const soft = affinity.map((rule) => ({ ...rule, policy: softOf[rule.policy] }));
  const say = [...new Set(hard.map(({ policy }) => `--${softOf[policy]} instead of --${policy}`))].join(', ');
  return [{ say, wanted: { ...wanted, newcomer: { ...wanted.newcomer, affinity: soft } } }];
}

const softOf = {
  affinity: 'soft-affinity',
  'anti-affinity': 'soft-anti-affinity',
  'soft-affinity': 'soft-affinity',
  'soft-anti-affinity': 'soft-anti-affinity',
} as const satisfies Record<AffinityRule['policy'], AffinityRule['policy']>;

function undrained(all: readonly Candidate[], wanted: Wanted, verdicts: readonly NodeVerdict[]): Way[] {
  const lookedAt = new Set<string>(verdicts.map(({ node }) => node));
  return all
    .filter(({ capacity }) => capacity.role === 'drained' && lookedAt.has(capacity.id))
    .map((candidate): Way => {
      const on = all.map((each) =>
        each === candidate ? { ...each, capacity: { ...each.capacity, role: 'active' as const } } : each,
      );
      return {
        say: `gantry node undrain ${candidate.capacity.name}`,
        on,
        wanted: { ...wanted, only: candidate.capacity.id },
      };
    })
    .slice(0, MOST);
}
