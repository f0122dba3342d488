/** What the firmware tries, device by device: an order in words (`disk`, `cd0`, `network`) as numbers. Pure. */
import type { GuestInput } from '@gantry/model';
import { rescueWord } from './input-rescue.ts';
import { type Origin, origin } from './origin.ts';

export interface BootOrders {
  /** By the places of the devices. */
  readonly disk: ReadonlyMap<number, number>;
  readonly cd: ReadonlyMap<number, number>;
  readonly nic: ReadonlyMap<number, number>;
  readonly origin: Origin;
}

type Kind = 'disk' | 'cd' | 'nic';
type Placed = Pick<GuestInput, 'disks' | 'nics' | 'cds'>;

/** With a CD drive and no order of its own: its disk; that is empty until something was installed from the CD. */
const withCds: readonly string[] = ['disk', 'cd'];

/** Undefined: as libvirt does without a word, the first disk. What the instance has not (any more) is passed over. */
export function bootOrders(input: Pick<GuestInput, 'boot' | 'bootOrder'> & Placed): BootOrders | undefined {
  if (input.boot.kernel !== 'disk') return undefined;
  const rescue = rescueWord(input);
  const wanted = input.bootOrder ?? (rescue ? [rescue] : input.cds?.length ? withCds : undefined);
  const orders = {
    disk: new Map<number, number>(),
    cd: new Map<number, number>(),
    nic: new Map<number, number>(),
  };
  let next = 1;
  for (const word of wanted ?? [])
    for (const [kind, place] of devicesOf(word, input))
      if (!orders[kind].has(place)) orders[kind].set(place, next++);
  if (next === 1) return undefined;
  return { ...orders, origin: byWhom(input, rescue !== undefined) };
}

function byWhom({ bootOrder }: Pick<GuestInput, 'bootOrder'>, rescue: boolean): Origin {
  if (bootOrder) return origin('instance', 'bootOrder', `the instance boots from ${bootOrder.join(', ')}`);
  return rescue
    ? origin('instance', 'rescue', 'in rescue it boots from its rescue disk, although that comes last')
    : origin('instance', 'cds', 'its disk first; what lies in a CD drive while no disk can be booted');
}

const kinds: Readonly<Record<string, Kind>> = { disk: 'disk', cd: 'cd', nic: 'nic', network: 'nic' };

/** `cd`: all of them, `cd1`: that one where it is there. */
export function devicesOf(word: string, input: Placed): [Kind, number][] {
  const [, name = '', digits = ''] = /^([a-z]+)(\d*)$/.exec(word) ?? [];
  const kind = kinds[name];
  if (!kind) return [];
  const places = placesOf(kind, input);
  const wanted = digits === '' ? places : places.filter((place) => place === Number(digits));
  return wanted.map((place) => [kind, place]);
}

function placesOf(kind: Kind, { disks, nics, cds = [] }: Placed): number[] {
  if (kind === 'disk') return disks.map(({ index }, position) => index ?? position);
  if (kind === 'nic') return nics.map(({ slot }, position) => slot ?? position);
  return cds.map(({ slot }) => slot);
}
