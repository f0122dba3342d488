import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

// unit: pure and quick, no root needed. integration: real libvirt, QEMU, bridges; needs root and script/setup.
// lab: the same inside an emulated machine of its own, for what needs one; slow.

/** What is polled for comes at once or never; the runner's second is short on a machine with other work. */
const expect = { poll: { timeout: 60_000 } };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          expect,
          include: [
            'packages/*/src/**/*.test.ts',
            'packages/*/test/**/*.test.ts',
            'test/{unit,tooling}/**/*.test.ts',
          ],
          // Seconds at the most, each; but machines have other work, and the limit is for what never ends.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Of its own accord the runner leaves one core to itself, which of two is half.
          maxWorkers: '100%',
          globalSetup: 'test/nothing-left.ts',
          setupFiles: 'test/properties.ts',
        },
      },
      {
        test: {
          name: 'integration',
          expect,
          include: ['test/integration/**/*.test.ts'],
          // Guests are emulated, on machines that others load too: nothing is slow enough to be a fault. Nothing is tried
          // again: most files are steps in the life of one cluster, and a second try of a step would meet the first.
          testTimeout: 900_000,
          hookTimeout: 900_000,
          // Each file has namespaces of its own; a third of their time is waiting, on two cores.
          maxWorkers: 3,
          pool: 'forks',
        },
      },
      {
        test: {
          name: 'lab',
          expect,
          include: ['test/virtual/**/*.test.ts'],
          // A machine is emulated whole, and its guests once more within it; the first run makes its disk.
          testTimeout: 1_200_000,
          hookTimeout: 1_800_000,
          fileParallelism: false,
          pool: 'forks',
        },
      },
    ],
  },
});
