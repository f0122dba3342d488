import type { NodeFacts } from '@gantry/model';
import { expect, test } from 'vitest';
import { describeProbed } from './probe.ts';

const facts = (change: Partial<NodeFacts> = {}): NodeFacts => ({
  ...{ hostname: 'n1', architecture: 'x86_64', cpus: 4, cpuModel: 'EPYC', memoryMiB: 8192, kernel: '6.1' },
  ...{ accelerator: { kvm: false, reason: 'it hung' }, agentVersion: '0.1.0', capabilities: [] },
  ...change,
});

test('what was found, and what of it is new', () => {
  const kvm = facts({
    accelerator: { kvm: true, reason: 'a guest booted under KVM' },
    qemuVersion: '7.2.22',
  });
  const shown = describeProbed({ facts: kvm }, facts());
  expect(shown).toMatch(/^accelerator +kvm: a guest booted under KVM$/m);
  expect(shown).toMatch(/^new +accelerator, qemuVersion$/m);
  expect(shown).not.toContain('goes on');
  expect(describeProbed({ facts: kvm, goesOn: 'a kernel is being fetched' }, kvm)).toMatch(
    /^new +nothing\ngoes on +a kernel is being fetched$/m,
  );
});
