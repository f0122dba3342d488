/** `instance clone`: a new instance with copies of the disks of another. */
import { counted, formatBytes, type Plan } from '@gantry/model';
import { type BegunClone, beginClone } from '../operations/begin-clone.ts';
import { describeFit } from '../placement/choose-node.ts';
import { begun, changeable, planned } from './begun.ts';
import type { Handler } from './call.ts';

export const cloneInstance: Handler<'cloneInstance'> = async (call) => {
  const source = await changeable(call, 'clone');
  const clone = await beginClone(call, source, call.body);
  const { draft, instance } = clone;
  if (call.query.plan) return planned(call, draft, planOf(clone, source.name));
  return begun(call, clone, instance, `clone instance ${source.name} as ${instance.name}`);
};

function planOf(clone: BegunClone, source: string): Plan {
  const { instance, guest, decision, attachments, manner, from, to, bytes } = clone;
  const { vcpus, memoryMiB, nics, power, disks, personality } = instance.spec;
  const plan = [
    `clone instance ${source} as ${instance.name}: ${counted(vcpus, 'vCPU')}, ${formatBytes(memoryMiB * 2 ** 20)} of memory`,
    `on node ${to.name}, ${decision.lookedAt} looked at`,
    ...describeFit(guest.spec.fit),
    ...(manner.restart ? [`stop ${source}, and start it again when its disks are copied`] : []),
    `copy ${disks.length === 1 ? 'its disk' : `its ${disks.length} disks`}: ${formatBytes(bytes)}${from.id === to.id ? '' : ` over the wire from ${from.name}`}, ${words[manner.consistency]}`,
    ...nics.map(({ network, mac, ipv4, ipv6 }, index) => {
      const name = attachments.find(({ spec }) => spec.network === network)?.name ?? network;
      return `nic ${index}: network ${name}, MAC ${mac}${[ipv4, ipv6].flatMap((each) => (each ? `, address ${each}` : [])).join('')}`;
    }),
    `it is told the host name ${personality.hostname}; ${identity(clone)}`,
    power === 'running' ? 'start it' : 'leave it stopped',
  ];
  return { plan, placement: decision };
}

const words = {
  stopped: 'of a guest that is down',
  quiesced: 'with its file systems frozen at that moment',
  crash: 'as after a power cut at that moment',
} as const;

/** What inside the guest tells it from its source. */
function identity({ guest }: BegunClone): string {
  const { cloudInit, boot } = guest.spec.input;
  if (cloudInit)
    return 'cloud-init, where the image has it, sees a new instance: ssh host keys and NICs are made anew; machine-id is copied';
  if (boot.initrd === 'node') return 'machine-id, ssh host keys and addresses are made anew when it boots';
  return 'what is written down inside it (machine-id, ssh host keys, addresses) is copied: change it there';
}
