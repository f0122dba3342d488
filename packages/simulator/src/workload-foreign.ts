/** A working day's guests that somebody else made: what their owner does to them, and what Gantry is asked to. */
import type { Instance, Operation } from '@gantry/model';
import { addForeign } from './fake-adoption.ts';
import { type FakeNode, powerOff, shutOff, startAlone } from './fake-node.ts';
import type { Random } from './random.ts';
import type { Simulation } from './simulation.ts';

const foreign = ['mail', 'shop'].map((name, index) => ({
  name,
  uuid: `22222222-3333-4444-8555-66666666660${index}`,
}));

/** @param name what imported ones are called, too */
export function ofForeign(sim: Simulation, random: Random, name: string): (() => Promise<unknown>)[] {
  const { name: domain, uuid } = foreign[random.between(0, 1)] as (typeof foreign)[number];
  const home = sim.nodes.find(({ domains }) => domains.has(uuid));
  const node = home ?? (sim.nodes[random.between(0, sim.nodes.length - 1)] as FakeNode);
  const imports = () => {
    const where = random.chance(0.8) ? node.name : 'n1';
    const deadlineMs = 1000 * random.between(1, 10);
    return sim.user<Operation>('importInstance', { body: { domain, name, node: where, deadlineMs } });
  };
  return [
    // one that is managed and was undefined by hand is not defined anew without its mark
    async () => home ?? (await sim.store.get('instance', uuid)) ?? addForeign(node, uuid, domain),
    imports,
    imports,
    () => Promise.all([imports(), imports()]),
    () => sim.user('releaseInstance', { params: { ref: name }, body: {} }),
    () => sim.user('releaseInstance', { params: { ref: uuid }, body: {} }),
    async () => {
      const { number } = (await imports()).spec;
      await sim.user('cancelOperation', { params: { ref: String(number) } });
    },
    async () => home && byHand(home, uuid, random, sim.time.now()),
  ];
}

/** With virsh, whoever manages it. */
function byHand(node: FakeNode, uuid: string, random: Random, now: number): void {
  const domain = node.domains.get(uuid);
  if (!domain) return;
  if (domain.state === 'shutoff' && random.chance(0.5)) node.domains.delete(uuid);
  else if (domain.state !== 'shutoff' && random.chance(0.5)) powerOff(node.world, domain, now);
  else if (domain.state !== 'shutoff') shutOff(domain, 'destroyed');
  else if (!domain.saved) startAlone(node, domain);
}

/** Those without instance bear no mark, and libvirt starts them again; the others have theirs, and it does not. */
export async function assertForeign({ nodes, store }: Simulation): Promise<void> {
  const problems: string[] = [];
  const instances = (await store.list('instance')).items;
  for (const { id, spec, name } of instances.filter((one) => one.spec.adopted))
    for (const domain of nodes.flatMap(({ domains }) => domains.get(id) ?? [])) {
      if (!domain.ours) problems.push(`${name} bears no mark`);
      if (domain.autostart) problems.push(`libvirt starts ${name}`);
      if (domain.nics.join() !== spec.adopted?.nics.map(({ mac }) => mac).join())
        problems.push(`${name} has other NICs than it came with`);
    }
  for (const { node, domain } of unmanaged(nodes, instances)) {
    if (domain.ours) problems.push(`${domain.name} bears the mark of an instance that is not there`);
    if (!domain.autostart) problems.push(`${domain.name} has lost its autostart`);
    if (node.guestFiles.has(domain.uuid)) problems.push(`${domain.name} has files of Gantry’s`);
  }
  if (problems.length) throw new Error(problems.join('; '));
}

/** Their owner takes his own away. */
export function removeForeign({ nodes }: Simulation): void {
  for (const { node, domain } of unmanaged(nodes, [])) if (!domain.ours) node.domains.delete(domain.uuid);
}

const unmanaged = (nodes: readonly FakeNode[], instances: readonly Instance[]) =>
  nodes.flatMap((node) =>
    [...node.domains.values()]
      .filter(({ uuid }) => foreign.some((one) => one.uuid === uuid))
      .filter(({ uuid }) => !instances.some(({ id }) => id === uuid))
      .map((domain) => ({ node, domain })),
  );
