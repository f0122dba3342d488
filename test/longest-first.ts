/**
 * The order of test files where no earlier run has left their times: those that take longest first, so that no worker is
 * left alone with one at the end. The runner's own guess, by size, is off by a factor of ten.
 */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Of test/integration, all that take more than half a minute of two quiet cores. A file that is not here comes later. */
const LONGEST: readonly string[] = [
  'cluster/fleet',
  'os-debootstrap',
  'cluster/guest-view',
  'cluster/move',
  'cluster/systems',
  'cluster/clone',
  'cluster/live-size',
  'network',
  'os-ganeti',
  'cluster/hardware',
  'cluster/crashes',
  'cluster/endings',
  'cluster/networks',
  'cluster/troubles',
  'cluster/disks',
  'network-uplink',
  'cluster/spoofing',
  'cluster/readme',
  'cluster/nics',
  'cluster/life-changes',
  'cluster/drift',
  'cluster/life',
];
const rank = ({ moduleId }: TestSpecification): number => {
  const file = relative('test/integration', moduleId).replace(/[.]test[.]ts$/, '');
  const place = LONGEST.indexOf(file);
  return place === -1 ? LONGEST.length : place;
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const known = files.every((file) => this.ctx.cache.getTestSpecificationResult(file));
    return known ? sorted : sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
