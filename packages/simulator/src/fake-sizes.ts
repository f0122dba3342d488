/** What fake guests have of what they were given. */
import type { ActionOf } from '@gantry/agent';
import { err } from '@gantry/model';
import type { FakeDomain, FakeNode } from './fake-node.ts';

/** CPUs are plugged one by one. */
export function between(node: FakeNode, { instance, vcpus }: ActionOf<'guest.setVcpus'>): number {
  const has = node.domains.get(instance)?.size?.vcpus ?? vcpus;
  return has + Math.sign(vcpus - has);
}

/** Beyond what it was started with libvirt refuses; what a stubborn guest has it keeps, and an emulated one its CPUs. */
export function resize(node: FakeNode, instance: string, to: Partial<NonNullable<FakeDomain['size']>>): void {
  const domain = node.domains.get(instance);
  if (!domain?.size || !domain.most || domain.state === 'shutoff') return;
  const { vcpus = domain.size.vcpus, memoryMiB = domain.size.memoryMiB } = to;
  if (vcpus > domain.most.vcpus || memoryMiB > domain.most.memoryMiB)
    throw err('hypervisor_error', { call: 'resize', message: 'beyond the maximum' });
  const stubborn = node.stubborn.has(instance);
  if (vcpus < domain.size.vcpus && (stubborn || node.accelerator === 'tcg')) {
    const what = `${domain.size.vcpus} virtual CPUs`;
    throw err('guest_kept', { name: domain.name, what, why: 'it is stubborn, or emulated' });
  }
  if (stubborn && memoryMiB < domain.size.memoryMiB) return;
  domain.size = { vcpus, memoryMiB };
}
