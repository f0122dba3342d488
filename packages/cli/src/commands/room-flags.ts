/** Room to grow, of flavors and instances. */
import { formatBytes, parseMiB, type Room } from '@gantry/model';
import type { Given } from '../given.ts';
import { parseCount } from '../parse.ts';
import type { Flag } from '../verb.ts';

const vcpus = 'virtual CPUs that it may be given while it runs';
const memory = 'memory that it may be given while it runs';

export const roomFlags: readonly Flag[] = [
  { flags: '--max-vcpus <count>', description: `${vcpus}; default: none beyond --vcpus` },
  { flags: '--max-memory <size>', description: `${memory}; default: none beyond --memory` },
];

export const room = (given: Given) => ({
  ...given.put('maxVcpus', 'maxVcpus', parseCount),
  ...given.put('maxMemoryMiB', 'maxMemory', parseMiB),
});

export const roomChangeFlags: readonly Flag[] = [
  { flags: '--max-vcpus <count>', description: `${vcpus}; none: no room` },
  { flags: '--max-memory <size>', description: `${memory}; none: no room` },
];

const unlessNone =
  <T>(parse: (text: string) => T) =>
  (text: string): T | null =>
    text === 'none' ? null : parse(text);

export const roomChanges = (given: Given) => ({
  ...given.put('maxVcpus', 'maxVcpus', unlessNone(parseCount)),
  ...given.put('maxMemoryMiB', 'maxMemory', unlessNone(parseMiB)),
});

/** `up to 4 vCPUs, 8 GiB` */
export const roomText = ({ maxVcpus, maxMemoryMiB }: Room): string | undefined => {
  const parts = [
    maxVcpus && `${maxVcpus} vCPUs`,
    maxMemoryMiB && `${formatBytes(maxMemoryMiB * 2 ** 20)} of memory`,
  ].filter(Boolean);
  return parts.length > 0 ? `up to ${parts.join(', ')}` : undefined;
};
