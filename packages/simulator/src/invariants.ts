/** What must hold, whatever died and whatever got lost. */
import { type Operation, operationEnded } from '@gantry/model';
import type { Simulation } from './simulation.ts';

/** Always: every running guest is bound here, has its disks and its filter; every claim has an owner. */
export async function assertSound({ node, store }: Simulation): Promise<void> {
  const guests = (await store.list('guest')).items;
  const problems: string[] = [];
  for (const domain of node.domains.values()) {
    if (domain.state === 'shutoff') continue;
    if (!guests.some((guest) => guest.spec.instance === domain.uuid))
      problems.push(`${domain.name} runs unbound`);
    if (domain.tap && !node.filters.has(domain.uuid)) problems.push(`${domain.name} runs without filter`);
    for (const disk of domain.disks)
      if (node.disks.get(disk)?.state !== 'ready') problems.push(`${domain.name} runs without disk ${disk}`);
  }
  if (problems.length) throw new Error(problems.join('; '));
}

/** After everything was deleted: no domain, disk, file, tap, address or row is left, and every operation has ended. */
export async function assertNothingLeft({ node, store }: Simulation): Promise<void> {
  const left: string[] = [];
  for (const domain of node.domains.values()) left.push(`domain ${domain.name}`);
  for (const disk of node.disks.values()) left.push(`disk ${disk.path}`);
  for (const instance of node.filters.keys()) left.push(`filter of ${instance}`);
  for (const file of node.guestFiles) left.push(`files of ${file}`);
  for (const kind of ['instance', 'guest', 'replica', 'disk', 'act'] as const)
    for (const object of (await store.list(kind)).items) left.push(`${kind} ${object.name}`);
  const network = (await store.list('network')).items[0];
  for (const space of [`mac:${network?.id}`, `ipv4:${network?.id}`, 'mac', 'address'])
    for (const claim of await store.claims(space))
      if (claim.owner !== network?.id) left.push(`claim ${space} ${claim.value}`);
  const operations = (await store.list('operation')).items as Operation[];
  for (const operation of operations)
    if (!operationEnded(operation.status.state))
      left.push(`operation ${operation.name} ${operation.status.state}`);
  if (left.length) throw new Error(`left: ${left.join(', ')}`);
}
