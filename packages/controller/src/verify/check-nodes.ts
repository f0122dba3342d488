/** Nodes, their clocks, versions and certificates. */
import { formatMs, type Node } from '@gantry/model';
import { BASELINE_CONDITION } from '../cpu-baseline/conditions.ts';
import { about, type Check, type Facts, type Found } from './facts.ts';
import type { Looked } from './looks.ts';
import { minimum, supportEnds } from './support.ts';

/** Leases, certificates and logs of several machines are compared by time. */
const CLOCK_MS = 1000;
const SOON_MS = 14 * 24 * 3_600_000;
/** Support of a release that ends so soon is told. */
const SUPPORT_SOON_MS = 90 * 24 * 3_600_000;

export const nodes: Check = (facts) =>
  facts.nodes.flatMap((node) => {
    const { spec, status } = node;
    if (spec.role === 'offline') return [];
    if (status.state === 'lost' || !facts.looks.has(node.id))
      return [
        about(
          'error',
          node,
          `its agent does not answer${status.lastSeenAt ? `, last heard of at ${status.lastSeenAt}` : ''}; nothing on it was verified`,
          `Look at the machine and its gantry-agent service; ${ifNot(facts, node)}`,
        ),
      ];
    return status.conditions
      .filter(({ type, status: holds }) => holds === 'false' && type !== BASELINE_CONDITION)
      .map(({ type, message }) =>
        about(
          'warning',
          node,
          `${type} does not hold: ${message}`,
          `\`gantry node show ${node.name}\` tells more.`,
        ),
      );
  });

/** Its agent may have left while the controller died before it forgot the node. */
function ifNot({ guests, replicas }: Facts, { id, name, spec }: Node): string {
  const there = [...guests, ...replicas.filter((one) => one.spec.what === 'disk')];
  return spec.role === 'drained' && there.every((one) => one.spec.node !== id)
    ? `nothing is on it: \`gantry node remove ${name}\` if it has left the cluster already (\`node remove --leave\`), or is gone for good.`
    : `\`gantry node offline ${name}\` if it is down for longer.`;
}

export const clocks: Check = (facts) =>
  asked(facts).flatMap(([node, { aheadMs, exactMs }]) =>
    Math.abs(aheadMs) - exactMs <= CLOCK_MS
      ? []
      : [
          about(
            'error',
            node,
            `its clock is ${formatMs(Math.abs(Math.round(aheadMs)))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the controller’s`,
            'Run a time service (chrony, systemd-timesyncd) on both.',
          ),
        ],
  );

export const versions: Check = (facts) => [
  ...asked(facts).flatMap(([node, { look }]) => [
    ...(look.agentVersion === facts.version
      ? []
      : [
          about(
            'warning',
            node,
            `its agent is ${look.agentVersion}, the controller ${facts.version}`,
            'Bring both to one release; an agent may be one minor version behind.',
          ),
        ]),
    ...supportOf(node, look.system, facts.nowMs),
  ]),
  ...tooOld(facts),
  ...unequal(facts),
];

function supportOf(node: Node, system: Looked['look']['system'], nowMs: number): Found[] {
  const ends = system && supportEnds(system);
  if (!system || !ends || Date.parse(ends.day) - nowMs > SUPPORT_SOON_MS) return [];
  const over = Date.parse(ends.day) <= nowMs;
  const message = `${system.id} ${system.version} ${over ? 'has had no security support since' : 'has security support until'} ${ends.day} (${ends.by})`;
  return [about(over ? 'error' : 'warning', node, message, 'Upgrade the machine to a supported release.')];
}

/** Older ones than Gantry is tried with. */
const tooOld = ({ nodes: all }: Facts): Found[] =>
  all
    .filter(({ spec }) => spec.role !== 'offline')
    .flatMap((node) =>
      minimum.flatMap(({ what, of: read, least }) => {
        const found = read(node.status.facts);
        if (found === undefined || byVersion(found, least) >= 0) return [];
        return [
          about(
            'warning',
            node,
            `it has ${what} ${found}; Gantry is tried with ${least} and newer`,
            'Upgrade it, with its distribution: nobody looks for what an older one does otherwise.',
          ),
        ];
      }),
    );

/** A guest moves best between equal hypervisors; to an older QEMU it may not move at all. */
function unequal({ nodes: all }: Facts): Found[] {
  const groups = Map.groupBy(
    all.filter(({ spec, status }) => spec.role !== 'offline' && status.facts?.qemuVersion),
    ({ spec }) => spec.group,
  );
  return [...groups.values()].flatMap((members) => {
    const newest = members
      .map(({ status }) => status.facts?.qemuVersion ?? '')
      .sort(byVersion)
      .at(-1);
    return members
      .filter(({ status }) => status.facts?.qemuVersion !== newest)
      .map((node) =>
        about(
          'warning',
          node,
          `it has QEMU ${node.status.facts?.qemuVersion}, another node of its group ${newest}`,
          'Upgrade it: a guest started there by the newer one may not come here.',
        ),
      );
  });
}

const byVersion = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

export const certificates: Check = (facts) => [
  ...asked(facts).flatMap(([node, { look }]) =>
    look.certificates.flatMap((one) =>
      ending(
        facts,
        node,
        one,
        'Its agent renews it by itself after two thirds of its time: look at the agent’s log for why not.',
      ),
    ),
  ),
  ...facts.certificates.flatMap((one) =>
    ending(
      facts,
      { kind: 'cluster', name: facts.cluster.name },
      one,
      one.what.startsWith('the authority')
        ? 'No command renews the authority: before that day make a new cluster and move the guests there (`gantry instance release`, `gantry instance import`).'
        : 'The controller renews it by itself 30 days before: look at its log for why not; a restart of the controller makes another.',
    ),
  ),
];

function ending(
  { nowMs }: Facts,
  subject: { kind: string; name: string },
  { what, until }: Looked['look']['certificates'][number],
  remedy: string,
): Found[] {
  const leftMs = Date.parse(until) - nowMs;
  if (leftMs > SOON_MS) return [];
  const message = leftMs <= 0 ? `${what} ended at ${until}` : `${what} ends at ${until}`;
  return [about(leftMs <= 0 ? 'error' : 'warning', subject, message, remedy)];
}

const asked = ({ nodes: all, looks }: Facts): [Node, Looked][] =>
  all.flatMap((node): [Node, Looked][] => {
    const looked = looks.get(node.id);
    return looked ? [[node, looked]] : [];
  });
