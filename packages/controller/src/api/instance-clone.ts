/** `instance clone`: a new instance with copies of the disks of another. */
import { formatBytes, type Plan, requirePermitted } from '@gantry/model';
import { type BegunClone, beginClone } from '../operations/begin-clone.ts';
import { requireIdle } from '../operations/new-operation.ts';
import { describeFit } from '../placement/choose-node.ts';
import { committed, type Handler, requireMatch, resolve, resourceReply } from './call.ts';
import { refOf } from './list.ts';

export const cloneInstance: Handler<'cloneInstance'> = async (call) => {
  const source = await resolve(call, 'instance', refOf(call));
  requireMatch(call, source);
  await requireIdle(call.app.store, source);
  requirePermitted('clone', source);
  const begun = await beginClone(call, source, call.body);
  if (call.query.plan) {
    await call.app.store.rehearse(begun.draft.batch);
    return { status: 200, body: planOf(begun, source.name) };
  }
  const { draft, operation, instance } = begun;
  const message = `clone instance ${source.name} as ${instance.name} (operation ${operation.spec.number})`;
  const made = { kind: 'operation' as const, id: operation.id };
  const written = await call.commit(draft, { subject: instance, message, made });
  return { ...resourceReply(committed(written, operation)), status: 202 };
};

function planOf(begun: BegunClone, source: string): Plan {
  const { instance, guest, decision, attachments, manner, from, to, bytes } = begun;
  const { vcpus, memoryMiB, nics, power, disks, personality } = instance.spec;
  const plan = [
    `clone instance ${source} as ${instance.name}: ${vcpus} vCPUs, ${formatBytes(memoryMiB * 2 ** 20)} of memory`,
    `on node ${to.name}, ${decision.lookedAt} looked at`,
    ...describeFit(guest.spec.fit),
    ...(manner.restart ? [`stop ${source}, and start it again when its disks are copied`] : []),
    `copy ${disks.length === 1 ? 'its disk' : `its ${disks.length} disks`}: ${formatBytes(bytes)}${from.id === to.id ? '' : ` over the wire from ${from.name}`}, ${words[manner.consistency]}`,
    ...nics.map(({ network, mac, ipv4, ipv6 }, index) => {
      const name = attachments.find(({ spec }) => spec.network === network)?.name ?? network;
      return `nic ${index}: network ${name}, MAC ${mac}${[ipv4, ipv6].flatMap((each) => (each ? `, address ${each}` : [])).join('')}`;
    }),
    `it is told the host name ${personality.hostname}; ${identity(begun)}`,
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
