/** Options and request that `image create` and `image import` share. */
import { type Body, err, parseMiB } from '@gantry/model';
import type { Given } from '../../given.ts';
import { parseOs, parsePairs } from '../../parse.ts';
import type { Flag } from '../../verb.ts';
import { propertyFlags } from '../properties.ts';

export const imageFlags: readonly Flag[] = [
  {
    flags: '--kernel <kernel>',
    description: 'disk (its own boot loader), node (the node’s kernel) or a path on the node',
  },
  { flags: '--initrd <initrd>', description: 'node or a path on the node' },
  { flags: '--root <device>', description: 'root device for the kernel' },
  { flags: '--kernel-args <args>', description: 'further kernel arguments' },
  { flags: '--min-disk <size>', description: 'smallest disk that it fits on' },
  ...propertyFlags('image'),
  { flags: '--label <key=value>', description: 'label', many: true },
];

export function imageBody(name: string, given: Given, source: 'file' | 'os'): Body<'createImage'> {
  const labels = parsePairs(given.all('label'));
  const properties = parsePairs(given.all('property'));
  const kernel = given.text('kernel');
  if (
    kernel === undefined &&
    (given.text('initrd') ?? given.text('root') ?? given.text('kernelArgs')) !== undefined
  )
    throw err('usage', { what: '--initrd, --root and --kernel-args need --kernel' });
  const boot =
    kernel === undefined
      ? undefined
      : {
          kernel,
          ...given.string('initrd', 'initrd'),
          ...given.string('root', 'root'),
          ...given.string('args', 'kernelArgs'),
        };
  return {
    name,
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
    spec: {
      source,
      ...given.put('format', 'format', (text) => text as 'qcow2'),
      ...given.put('os', 'os', (text) => parseOs(text, parsePairs(given.all('osParam')))),
      ...(boot ? { boot } : {}),
      ...given.put('minDiskMiB', 'minDisk', parseMiB),
      ...(Object.keys(properties).length > 0 ? { properties } : {}),
    },
  };
}
