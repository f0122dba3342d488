/** What an instance boots: devices, as words between commas. */
import { BootDevice, type BootOrder, err, matches } from '@gantry/model';
import type { Given } from '../given.ts';
import type { Flag } from '../verb.ts';

const form = 'disk, cd, network, or one of them by its place: disk0, cd0, nic0';
const words = ['disk', 'cd', 'network'];

export const bootFlag: Flag = {
  flags: '--boot <devices>',
  description: `what the firmware tries, between commas: ${form}`,
  complete: () => ['disk', 'disk,cd', 'cd,disk', 'disk,network', 'network,disk'],
};
export const bootOnceFlag: Flag = {
  flags: '--boot-once <devices>',
  description: `boot from elsewhere this once: ${form}`,
  complete: () => words,
};

/** @throws GantryError `invalid_argument` */
export function parseBootOrder(text: string): BootOrder {
  const order = text.split(',').map((word) => word.trim());
  const fits = (word: string): boolean => matches(BootDevice, word);
  const wrong = order.find((word) => !fits(word));
  if (wrong !== undefined)
    throw err('invalid_argument', {
      what: `boot device ${JSON.stringify(wrong.slice(0, 64))}`,
      wanted: form,
    });
  const twice = order.find((word, index) => order.indexOf(word) < index);
  if (twice !== undefined)
    throw err('invalid_argument', { what: `boot device ${twice}`, wanted: 'to be named twice' });
  return order;
}

export const bootOnce = (given: Given): { bootOnce?: BootOrder } =>
  given.put('bootOnce', 'bootOnce', parseBootOrder);
