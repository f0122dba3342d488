/** Domains that somebody else made: taken under management as they are. Giving back is an action like others. */
import { counted, type ForeignDomain, type ImportPlan, type Instance, type Node } from '@gantry/model';
import { type BegunImport, beginImport, isUp } from '../operations/begin-import.ts';
import { begun, planned } from './begun.ts';
import type { Handler } from './call.ts';

export const importInstance: Handler<'importInstance'> = async (call) => {
  const adoption = await beginImport(call, call.body);
  const { draft, instance, node, domain } = adoption;
  const plan: ImportPlan = { plan: planOf(adoption), domain };
  if (call.query.plan) return planned(call, draft, plan);
  const what = `import domain ${domain.name} of ${node.name} as instance ${instance.name}`;
  return begun(call, adoption, instance, what);
};

function planOf({ instance, node, domain }: BegunImport): string[] {
  const { vcpus, memoryMiB } = instance.spec;
  return [
    `import domain ${domain.name} of ${node.name} as instance ${instance.name}: it stays ${domain.state}`,
    `count ${counted(vcpus, 'vCPU')} and ${memoryMiB} MiB of it on ${node.name}`,
    ...nicLines(instance, node),
    ...domain.disks.map(({ target, source }) => `disk ${target} ${source ?? 'is empty'}: stays where it is`),
    ...endLines(domain),
  ];
}

const nicLines = ({ spec }: Instance, node: Node): string[] =>
  (spec.adopted?.nics ?? []).map(({ mac, source }) => {
    const nic = spec.nics.find((one) => one.mac === mac);
    const addresses = [nic?.ipv4, nic?.ipv6].filter(Boolean).join(' ');
    if (!nic) return `NIC ${mac} on ${source} of ${node.name}: in no network of Gantry’s`;
    return `NIC ${mac} on ${source}: its addresses (${addresses || 'none given'}) are reserved, and it is not filtered`;
  });

function endLines(domain: ForeignDomain): string[] {
  const { autostart, waiting, snapshots } = domain;
  const changes = waiting.length === 1 ? '1 thing changes' : `${waiting.length} things change`;
  return [
    ...(autostart ? ['libvirt starts it no more when the node boots: Gantry does'] : []),
    ...(snapshots > 0 ? [`its ${snapshots} snapshots stay libvirt’s`] : []),
    waiting.length === 0 || !isUp(domain)
      ? 'every start gives it the hardware of its definition in libvirt, unchanged'
      : `its definition was changed since it started: ${changes} at its next start, with Gantry or without`,
  ];
}
