/** What must hold, whatever died and whatever got lost. */
import { type Operation, operationEnded } from '@gantry/model';
import type { Simulation } from './simulation.ts';

/** Always: every running guest is bound here, has its disks and its filter; every claim has an owner. */
export async function assertSound({ nodes, store, world }: Simulation): Promise<void> {
  const guests = (await store.list('guest')).items;
  const problems = [...world.violations];
  for (const { node, domain } of nodes.flatMap((node) =>
    [...node.domains.values()].map((domain) => ({ node, domain })),
  )) {
    if (domain.state === 'shutoff' || !domain.ours) continue;
    const bound = guests.some(
      ({ spec }) => spec.instance === domain.uuid && spec.node === node.id && spec.role !== 'receive',
    );
    if (!bound) problems.push(`${domain.name} runs unbound on ${node.name}`);
    if (domain.tap && !node.filters.has(domain.uuid)) problems.push(`${domain.name} runs without filter`);
    for (const disk of domain.disks) {
      const other = [...node.domains.values()].find(
        (d) => d !== domain && d.state !== 'shutoff' && d.disks.includes(disk),
      );
      if (other) problems.push(`disk ${disk} is open in ${domain.name} and ${other.name}`);
      if (node.disks.get(disk)?.state !== 'ready') problems.push(`${domain.name} runs without disk ${disk}`);
    }
  }
  problems.push(...(await miscounted(store)));
  if (problems.length) throw new Error(problems.join('; '));
}

/** What projects have is what there is, counted anew; bindings of an instance have what it has, or had at its last start. */
async function miscounted(store: Simulation['store']): Promise<string[]> {
  const problems: string[] = [];
  const instances = (await store.list('instance')).items;
  const disks = (await store.list('disk')).items;
  for (const { id, name } of (await store.list('project')).items) {
    const has = await store.usage(id);
    const own = instances.filter((instance) => instance.project === id);
    const sizes = disks
      .filter((disk) => disk.project === id)
      .map(({ spec }) => Math.ceil(spec.sizeBytes / 2 ** 20));
    const wanted = own.reduce((sum, { spec }) => sum + spec.memoryMiB, 0);
    const nics = own.flatMap(({ spec }) =>
      spec.nics.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter(Boolean)),
    );
    if (has.instances !== own.length)
      problems.push(`${name} counts ${has.instances} of ${own.length} instances`);
    if (has.addresses !== nics.length)
      problems.push(`${name} counts ${has.addresses} of ${nics.length} addresses`);
    if (has.diskMiB !== sizes.reduce((sum, size) => sum + size, 0))
      problems.push(`${name} miscounts its disks`);
    if (has.memoryMiB < wanted) problems.push(`${name} counts ${has.memoryMiB} of ${wanted} MiB`);
  }
  return problems;
}

/**
 * While nothing is under way: each instance is on one node alone, with all its disks, and they hold what was written last.
 */
export async function assertWhole({ nodes, store, world }: Simulation): Promise<void> {
  const problems: string[] = [];
  for (const instance of (await store.list('instance')).items) {
    const home = nodes.find(({ id }) => id === instance.status.node);
    for (const id of instance.spec.disks) {
      const held = home?.disks.get(id);
      const wanted = world.written.get(id);
      if (held?.state !== 'ready') problems.push(`${instance.name} has no disk on ${home?.name}`);
      else if (wanted !== undefined && held.content !== wanted)
        problems.push(`the disk of ${instance.name} has lost what was written`);
      for (const other of nodes)
        if (other !== home && other.disks.has(id))
          problems.push(`a disk of ${instance.name} is left on ${other.name}`);
    }
    for (const other of nodes)
      if (other !== home && other.domains.has(instance.id))
        problems.push(`${instance.name} is left on ${other.name}`);
  }
  if (problems.length) throw new Error(problems.join('; '));
}

/** After everything was deleted: no domain, disk, file, tap, address or row is left, and every operation has ended. */
export async function assertNothingLeft({ nodes, store }: Simulation): Promise<void> {
  const left: string[] = [];
  for (const node of nodes) {
    for (const domain of node.domains.values()) left.push(`domain ${domain.name}`);
    for (const disk of node.disks.values()) left.push(`disk ${disk.path}`);
    for (const instance of node.filters.keys()) left.push(`filter of ${instance}`);
    for (const file of node.guestFiles) left.push(`files of ${file}`);
    for (const source of node.copies.keys()) left.push(`copy of ${source}`);
  }
  for (const kind of ['instance', 'guest', 'replica', 'disk', 'act'] as const)
    for (const object of (await store.list(kind)).items) left.push(`${kind} ${object.name}`);
  for (const { id, name } of (await store.list('project')).items)
    if (Object.values(await store.usage(id)).some((amount) => amount > 0))
      left.push(`usage of project ${name}`);
  const network = (await store.list('network')).items[0];
  for (const space of [`mac:${network?.id}`, `ipv4:${network?.id}`, 'mac', 'address'])
    for (const claim of await store.claims(space))
      if (claim.owner !== network?.id) left.push(`claim ${space} ${claim.value}`);
  const operations = (await store.list('operation')).items as Operation[];
  for (const operation of operations)
    if (!operationEnded(operation.status.state))
      left.push(`operation ${operation.name} ${operation.status.state}`);
  left.push(...(await wronglyTold(store, operations)));
  if (left.length) throw new Error(`left: ${left.join(', ')}`);
}

/** The audit has the end of every operation, once, whatever died while it was written. */
async function wronglyTold(store: Simulation['store'], operations: readonly Operation[]): Promise<string[]> {
  const events = await store.events({ audit: true }, 100_000);
  const ends = events.filter(({ type }) => type.startsWith('operation.'));
  return operations.flatMap(({ name, spec }) => {
    const told = ends.filter(({ audit }) => audit?.operation === spec.number).length;
    return told === 1 ? [] : [`operation ${name}: its end is told ${told} times`];
  });
}
