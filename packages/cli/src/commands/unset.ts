/** `--unset SETTING`: by the setting's own name, or by that of the option which sets it. */
import { err, nearest } from '@gantry/model';
import type { Given } from '../given.ts';

/** Options that are not called like their setting. */
const optionOf: Readonly<Record<string, string>> = {
  cpuFlags: 'cpu-flag',
  reservedPages: 'reserve-pages',
  reservedMemoryMiB: 'reserve-memory',
  sizes: 'size',
  exclusionLabels: 'exclusion-label',
  traits: 'trait',
  resources: 'resource',
  pciDevices: 'pci',
};

/** `stopTimeoutMs` is set by `--stop-timeout`. */
const optionFor = (setting: string): string =>
  optionOf[setting] ??
  setting.replace(/(?:Ms|MiB)$/, '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The settings that are to be as inherited again. @throws GantryError `invalid_argument` */
export function unsetSettings(given: Given, known: readonly string[]): string[] {
  return given.all('unset').map((word) => {
    const option = word.replace(/^--/, '');
    const meant = known.find((setting) => setting === word || optionFor(setting) === option);
    if (meant !== undefined) return meant;
    const close = nearest(word, known) ?? nearest(option, known.map(optionFor));
    throw err('invalid_argument', {
      what: `--unset ${word}`,
      wanted: `one of ${known.join(', ')}${close === undefined ? '' : ` (did you mean ${close}?)`}`,
    });
  });
}
