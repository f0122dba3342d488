/** What holds on the node and what does not, with what to do. */
import type { Condition, NodeStatus } from '@gantry/model';
import type { AgentState } from './state.ts';

type Said = Omit<Condition, 'since'>;

export function conditionsOf({ facts, libvirt }: AgentState, since: string): NodeStatus['conditions'] {
  const kvm = facts?.accelerator;
  return [reachable(libvirt), ...(kvm ? [works(kvm), examined(kvm)] : [])].map((said) => ({
    ...said,
    since,
  }));
}

type Accelerator = NonNullable<AgentState['facts']>['accelerator'];

const reachable = (libvirt: boolean): Said => ({
  type: 'LibvirtReachable',
  status: libvirt ? 'true' : 'false',
  reason: libvirt ? 'Connected' : 'Unreachable',
  message: libvirt
    ? 'libvirt answers'
    : 'libvirt does not answer: start libvirtd (or virtqemud) on the node; the agent reconnects by itself',
});

const works = ({ kvm, reason }: Accelerator): Said => ({
  type: 'KvmWorks',
  status: kvm ? 'true' : 'false',
  reason: kvm ? 'GuestBooted' : 'FellBackToTcg',
  message: reason,
});

const examined = ({ examinedAnew }: Accelerator): Said => ({
  type: 'QemuExaminedOnce',
  status: examinedAnew ? 'false' : 'true',
  reason: examinedAnew ? 'KvmOpensButFails' : 'CapabilitiesHold',
  message: examinedAnew
    ? '/dev/kvm opens for QEMU but QEMU cannot use it: libvirt therefore examines QEMU anew on every define, 7 to 10 s ' +
      'each. Repair (nested) virtualisation, or keep QEMU from the device: `chmod 0600 /dev/kvm`, and for good ' +
      '`KERNEL=="kvm", MODE="0600"` in /etc/udev/rules.d/99-kvm.rules'
    : 'libvirt keeps what it knows of QEMU',
});
