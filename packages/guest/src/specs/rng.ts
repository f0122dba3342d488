/** hw_rng:* to an entropy source. */
import { type Rng, type RngRate, rng, rngRate } from '../elements/rng.ts';
import { builtin, origin } from '../origin.ts';
import { invalid, refused } from '../refusal.ts';
import type { Wanted } from '../wanted.ts';
import { booleanOf, integerOf, type Settings } from './settings.ts';
import { virtioFrom } from './virtio.ts';

/** Present unless the flavor says no, as in Nova since 21. */
export function rngFrom(wanted: Wanted): Rng | undefined {
  const { settings, node, host } = wanted;
  const allowed = booleanOf(settings, 'flavor', 'hw_rng:allowed');
  if (allowed?.value === false) return undefined;
  const rate = rateFrom(settings);
  const backend = node.entropyBackend;
  if (backend !== undefined && host.devices && !host.devices.includes(backend))
    throw refused(`the node has no entropy source ${backend}`, 'RngDeviceNotExist');
  return rng({
    ...(backend === undefined ? {} : { backend }),
    ...(rate ? { rate } : {}),
    ...virtioFrom(wanted, true),
    origin: allowed
      ? origin('flavor', allowed.source, 'the flavor allows an entropy source')
      : builtin(
          'hw_rng:allowed',
          'a guest without entropy can wait minutes at boot, so it has a source by default',
        ),
  });
}

function rateFrom(settings: Settings): RngRate | undefined {
  const bytes = integerOf(settings, 'flavor', 'hw_rng:rate_bytes')?.value ?? 0;
  const periodMs = integerOf(settings, 'flavor', 'hw_rng:rate_period')?.value ?? 0;
  if (bytes === 0 || periodMs === 0) return undefined;
  return rngRate({
    bytes,
    periodMs,
    origin: origin('flavor', 'hw_rng:rate_bytes', meaning(bytes, periodMs)),
  });
}

/** The rate in words. */
export const meaning = (bytes: number, periodMs: number): string =>
  `${bytes} B per ${periodMs} ms = ${round((bytes * 1000) / periodMs)} B/s, burst ${bytes} B, a guest waits at most ${round(periodMs / 1000)} s`;

const round = (value: number): string => String(Number(value.toPrecision(3)));

/**
 * Nova drops a limit without a period silently.
 * @throws GantryError `invalid_property`
 */
export function checkRng(settings: Settings): void {
  if (!settings.profile.refuseIneffective) return;
  const bytes = integerOf(settings, 'flavor', 'hw_rng:rate_bytes')?.value ?? 0;
  const period = integerOf(settings, 'flavor', 'hw_rng:rate_period')?.value ?? 0;
  if (bytes > 0 && period === 0)
    throw invalid(
      'hw_rng:rate_bytes',
      String(bytes),
      'a limit needs its period: set hw_rng:rate_period too, in milliseconds',
    );
}
