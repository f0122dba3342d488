/** Entropy: hw_rng:* */
import { boolean, built, effect, type Family, family, inert, integer, words } from '../key.ts';

export const entropy: Family = family(
  'Entropy',
  [],
  [
    built('hw_rng:allowed', boolean, 'true', 'The guest has a virtio entropy source.', effect('devices/rng')),
    built(
      'hw_rng:rate_bytes',
      integer(0),
      'no limit',
      'Bytes of entropy that the guest may take per period; needs hw_rng:rate_period.',
      { unit: 'B', ...effect('devices/rng/rate@bytes') },
    ),
    built('hw_rng:rate_period', integer(0), 'none', 'The period of hw_rng:rate_bytes.', {
      unit: 'ms',
      ...effect('devices/rng/rate@period'),
    }),
  ],
  [
    inert(
      'hw_rng_model',
      words(['virtio']),
      'virtio',
      'Model of the entropy source; there is only one, so it decides nothing.',
    ),
  ],
);
