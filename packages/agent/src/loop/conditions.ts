/** What holds on the node and what does not, with what to do. */
import type { Condition, NodeStatus } from '@gantry/model';
import type { AgentState } from './state.ts';

type Said = Omit<Condition, 'since'>;

export function conditionsOf(state: AgentState, since: string): NodeStatus['conditions'] {
  const kvm = state.facts?.accelerator;
  return [reachable(state), ...(kvm ? [works(kvm), examined(kvm)] : [])].map((said) => ({
    ...said,
    since,
  }));
}

type Accelerator = NonNullable<AgentState['facts']>['accelerator'];

function reachable({ libvirt, libvirtRefusal }: AgentState): Said {
  const type = 'LibvirtReachable';
  if (libvirt) return { type, status: 'true', reason: 'Connected', message: 'libvirt answers' };
  if (libvirtRefusal === undefined)
    return {
      type,
      status: 'false',
      reason: 'Unreachable',
      message:
        'libvirt does not answer: start libvirtd (or virtqemud) on the node; the agent reconnects by itself',
    };
  return {
    type,
    status: 'false',
    reason: 'AccessDenied',
    message:
      `libvirt does not let the agent in: ${libvirtRefusal}. Set up its access on the node with ` +
      'gantry node libvirt-auth; the agent tries again by itself',
  };
}

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
