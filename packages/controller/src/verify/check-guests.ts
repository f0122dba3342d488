/** Whether guests run where the store says, once, and nothing of ours runs that it does not know. */
import { compareEpochs, type Guest, type Instance, type NodeLook } from '@gantry/model';
import { about, type Check, type Facts, type Found } from './facts.ts';

const troubled = ['crashed', 'failed', 'unknown'];

/** As the store has it. */
export const guests: Check = ({ instances, guests: all, moving }) => [
  ...instances
    .filter(({ id, status }) => troubled.includes(status.state) && !moving.has(id))
    .map((instance) =>
      about(
        instance.status.state === 'crashed' ? 'warning' : 'error',
        instance,
        `it is ${instance.status.state}${instance.status.reason ? `: ${instance.status.reason}` : ''}`,
        `\`gantry instance show ${instance.name}\` says why; \`gantry instance start ${instance.name}\` tries again.`,
      ),
    ),
  ...instances
    .filter(({ id }) => !moving.has(id) && !all.some(({ spec }) => spec.instance === id && !spec.remove))
    .map((instance) =>
      about(
        'error',
        instance,
        'it is bound to no node',
        `\`gantry instance delete ${instance.name}\`, or restore a newer backup of the store.`,
      ),
    ),
];

/** As libvirt has it. */
export const domains: Check = (facts) => {
  const several = [...ourDomains(facts)].filter(
    ([, places]) => places.filter(({ domain }) => domain.alive).length > 1,
  );
  const doubled = new Set(several.map(([id]) => id));
  return [...several.map((one) => twice(facts, ...one)), ...perNode(facts, doubled)];
};

type Domain = NodeLook['domains'][number];
interface Place {
  node: string;
  domain: Domain;
}

const ourDomains = ({ looks, nodes, cluster }: Facts): Map<string, Place[]> => {
  const found = nodes.flatMap(({ id, name }) =>
    (looks.get(id)?.look.domains ?? [])
      .filter(({ ours }) => ours?.cluster === cluster.id)
      .map((domain) => ({ node: name, domain })),
  );
  return Map.groupBy(found, ({ domain }) => domain.ours?.instance ?? '');
};

/** The worst there is: two QEMU write to what may be one disk. */
function twice({ instances }: Facts, id: string, places: readonly Place[]): Found {
  const name = instances.find((instance) => instance.id === id)?.name ?? places[0]?.domain.name ?? id;
  const where = places.filter(({ domain }) => domain.alive).map(({ node }) => node);
  return about(
    'error',
    { kind: 'instance', name },
    `it runs on several nodes: ${where.join(', ')}`,
    'Decide which one is right and stop the other at once, on its node: `virsh destroy`.',
  );
}

function perNode(facts: Facts, doubled: ReadonlySet<string>): Found[] {
  const { nodes, looks, cluster, instances } = facts;
  return nodes.flatMap((node) => {
    const look = looks.get(node.id)?.look;
    if (!look?.libvirt) return [];
    const bound = facts.guests.filter(({ spec }) => spec.node === node.id);
    const known = new Set([...doubled, ...bound.map(({ spec }) => spec.instance as string)]);
    return [
      ...bound.flatMap((guest) => compare(guest, look, facts, instances)),
      ...look.domains
        .filter(
          ({ ours }) =>
            ours?.cluster === cluster.id && !known.has(ours.instance) && !facts.moving.has(ours.instance),
        )
        .map(({ name, alive }) =>
          about(
            alive ? 'error' : 'warning',
            node,
            `the domain ${name} bears this cluster’s mark, and nothing here knows of it`,
            `It is left alone. If it was imported, take it again: \`gantry instance import ${name} --node ${node.name}\`. If nobody needs it, remove it on ${node.name}: \`virsh undefine ${name}\`.`,
          ),
        ),
    ];
  });
}

function compare(guest: Guest, look: NodeLook, { moving }: Facts, instances: readonly Instance[]): Found[] {
  const { instance: id, epoch, remove } = guest.spec;
  const instance = instances.find((one) => one.id === id);
  if (!instance || remove || moving.has(id) || moving.has(guest.id)) return [];
  const domain = look.domains.find(({ ours, uuid }) => (ours?.instance ?? uuid) === id);
  const told = guest.status.state === 'running' || guest.status.state === 'paused';
  const show = `\`gantry instance show ${instance.name}\` says what is known of it.`;
  if (told && !domain?.alive)
    return [about('error', instance, 'it is said to run, and libvirt knows nothing of it', show)];
  if (!domain) return [];
  if (!domain.ours)
    return [
      about(
        'error',
        instance,
        `the domain ${domain.name} has its id but not its mark`,
        instance.spec.adopted
          ? `Somebody defined it anew, or gave it back. \`gantry instance release ${instance.name}\` forgets it here and leaves the domain alone; it can be imported again.`
          : 'Somebody defined it anew with another tool. Undefine it; Gantry defines its own.',
      ),
    ];
  if (compareEpochs(domain.ours.epoch, epoch) > 0)
    return [
      about(
        'error',
        instance,
        'its domain belongs to a newer binding than the store knows',
        'The store is older than the nodes: was a backup restored?',
      ),
    ];
  if (!told && domain.alive && guest.spec.power === 'stopped')
    return [about('error', instance, 'it is to be stopped, and runs', show)];
  return [];
}
