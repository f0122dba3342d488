/** What holds on the node and what does not, with what to do. */
import type { Condition, NodeStatus } from '@gantry/model';
import type { AgentState } from './state.ts';

type Said = Omit<Condition, 'since'>;

/** @param examines what is being found out about the node, where that takes its time */
export function conditionsOf(state: AgentState, since: string, examines?: string): NodeStatus['conditions'] {
  const kvm = state.facts?.accelerator;
  const known = kvm ? [works(kvm), examined(kvm)] : [unknown(examines)];
  return [reachable(state), ...known, ...unkept(state)].map((said) => ({ ...said, since }));
}

/** Nothing is begun that the agent could not remember. */
const unkept = ({ keeping: { why } }: AgentState): Said[] =>
  why === undefined
    ? []
    : [
        {
          type: 'JournalKept',
          status: 'false',
          reason: 'CannotWrite',
          message: `the agent cannot write its journal, and so begins nothing new: ${why}. Free space below its state folder; it goes on by itself`,
        },
      ];

type Accelerator = NonNullable<AgentState['facts']>['accelerator'];

function reachable({ libvirt, libvirtRefusal }: AgentState): Said {
  const type = 'LibvirtReachable';
  if (libvirt === undefined)
    return { type, status: 'unknown', reason: 'NotAskedYet', message: 'libvirt was not asked yet' };
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

const unknown = (examines = 'the agent looks at the node'): Said => ({
  type: 'KvmWorks',
  status: 'unknown',
  reason: 'BeingExamined',
  message: `${examines}; guests start when that is over`,
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
