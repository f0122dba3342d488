import { err } from '@gantry/model';
import { describe, expect, test } from 'vitest';
import { Given } from '../given.ts';
import { inheritedFlags } from './inherited-settings.ts';
import { unsetSettings } from './unset.ts';

const known = inheritedFlags.find(({ flags }) => flags.startsWith('--unset'))?.complete?.({} as never, []);
const settings = (known ?? []) as string[];
const given = (...unset: string[]) => new Given([], { unset });

describe('what goes back to what is inherited', () => {
  test('by the name of the setting, and by that of the option which sets it', () => {
    expect(unsetSettings(given('stopTimeoutMs', 'cpu-mode', '--pci'), settings)).toEqual([
      'stopTimeoutMs',
      'cpuMode',
      'pciDevices',
    ]);
  });

  test('every option but --unset itself is one way to name a setting', () => {
    const options = inheritedFlags.map(({ flags }) => flags.split(' ')[0]?.slice(2) ?? '');
    const named = options.filter((option) => option !== 'unset');
    expect(unsetSettings(given(...named), settings).sort()).toEqual([...settings].sort());
  });

  test('a mistyped one', () => {
    const wanted = `one of ${settings.join(', ')} (did you mean stop-timeout?)`;
    expect(() => unsetSettings(given('stop-timeuot'), settings)).toThrow(
      err('invalid_argument', { what: '--unset stop-timeuot', wanted }),
    );
  });
});
