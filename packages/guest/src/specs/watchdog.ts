/** hw:watchdog_action and hw_watchdog_action; the image's word wins, `disabled` too. */
import { type Watchdog, type WatchdogAction, watchdog } from '../elements/watchdog.ts';
import { because, type Settings, wordOf } from './settings.ts';

export function watchdogFrom(settings: Settings): Watchdog | undefined {
  const image = wordOf<WatchdogAction | 'disabled'>(settings, 'image', 'hw_watchdog_action');
  const flavor = wordOf<WatchdogAction | 'disabled'>(settings, 'flavor', 'hw:watchdog_action');
  const found = image ?? flavor;
  if (!found || found.value === 'disabled') return undefined;
  const rule = image && flavor ? 'the image wins over the flavor' : `the ${found.level} asks for a watchdog`;
  return watchdog({ action: found.value, origin: because(found, rule).origin });
}
