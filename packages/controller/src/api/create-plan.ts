import { counted, formatBytes, type Plan } from '@gantry/model';
import type { Begun } from '../operations/begin-create.ts';
import { describeFit } from '../placement/choose-node.ts';

/** What `instance create` would do, line by line. */
export function createPlan({ draft, instance, guest, decision, attachments }: Begun): Plan {
  const { vcpus, memoryMiB, nics, power } = instance.spec;
  const lines = [
    `create instance ${instance.name}: ${counted(vcpus, 'vCPU')}, ${formatBytes(memoryMiB * 2 ** 20)} of memory`,
    `on node ${decision.chosen?.name ?? '?'}, the best of ${decision.lookedAt} looked at`,
    ...describeFit(guest.spec.fit),
  ];
  for (const { object } of draft.batch.puts)
    if (object.kind === 'disk')
      lines.push(
        `disk ${object.spec.index}: ${formatBytes(object.spec.sizeBytes)} ${object.spec.template} from ${object.spec.source.kind}`,
      );
  for (const [index, nic] of nics.entries()) {
    const network = attachments.find(({ spec }) => spec.network === nic.network)?.name ?? nic.network;
    lines.push(
      `nic ${index}: network ${network}, MAC ${nic.mac}${[nic.ipv4, nic.ipv6].flatMap((each) => (each ? `, address ${each}` : [])).join('')}`,
    );
  }
  lines.push(power === 'running' ? 'start it' : 'leave it stopped');
  return { plan: lines, placement: decision };
}
