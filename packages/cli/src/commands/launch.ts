import { imageNames } from '../names.ts';
import type { Verb } from '../verb.ts';
import { createInstance } from './instance/create.ts';
import { createFlags } from './instance/create-flags.ts';

/** Made by `cluster init`. */
const DEFAULT_FLAVOR = 'small';

export const launch: Verb = {
  words: 'launch',
  summary: 'a running guest from an image, in one word',
  arguments: [
    { name: 'IMAGE', description: 'what its first disk is made from', complete: imageNames },
    { name: 'NAME', description: 'name of the instance' },
  ],
  flags: createFlags,
  examples: ['gantry launch debian/12 web1', 'gantry launch debian/12 web2 --memory 2G --until ssh'],
  details: `Without --flavor, or --vcpus and --memory, it takes flavor ${DEFAULT_FLAVOR}.`,
  run: (session, given) =>
    createInstance(session, given, given.arg(1, 'name'), given.arg(0, 'image'), DEFAULT_FLAVOR),
};
