/** NICs and their limits. */
import { nicModels } from '../../elements/interface.ts';
import { boolean, built, effect, type Family, family, integer, twins, words } from '../key.ts';

const refuse = (why: string) => ({ why, nova: 'UnsupportedHardware' });
const other = refuse('it belongs to another hypervisor');

const limits = ['inbound', 'outbound'].flatMap((way) =>
  (
    [
      ['average', 'Average', 'kB/s', `needed by the other limits of ${way} traffic`],
      ['peak', 'Peak', 'kB/s', `needs quota:vif_${way}_average`],
      ['burst', 'Burst', 'kB', `needs quota:vif_${way}_average`],
    ] as const
  ).map(([what, title, unit, note]) =>
    built(
      `quota:vif_${way}_${what}`,
      integer(0),
      'no limit',
      `${title} of ${way} traffic of each NIC on a bridge; ${note}.`,
      { unit, ...effect(`devices/interface/bandwidth/${way}@${what}`) },
    ),
  ),
);

export const network: Family = family(
  'NICs',
  [
    twins(
      built,
      'vif_multiqueue_enabled',
      'equal',
      boolean,
      'false',
      'A queue per vCPU on each virtio NIC; nothing with one vCPU or without KVM.',
      effect('devices/interface/driver@queues'),
    ),
  ],
  limits,
  [
    built(
      'hw_vif_model',
      words(nicModels, {
        refused: {
          netfront: other,
          sriov: other,
          vmxnet: other,
          vmxnet2: other,
        },
        aliases: {
          virtuale1000: 'e1000',
          virtuale1000e: 'e1000e',
          virtualpcnet32: 'pcnet',
          virtualvmxnet: 'vmxnet',
          virtualvmxnet3: 'vmxnet3',
          virtualsriovethernetcard: 'sriov',
        },
        anyCase: true,
      }),
      'virtio',
      'Model of the NICs; igb needs QEMU 8.0, spapr-vlan a POWER machine, lan9118 an emulated ARM board.',
      effect('devices/interface/model@type'),
    ),
  ],
);
