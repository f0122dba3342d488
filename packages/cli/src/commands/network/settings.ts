/** Flags that `network create` and `network set` share. */
import { err } from '@gantry/model';
import type { Given } from '../../given.ts';
import { groupNames } from '../../names.ts';
import type { Flag } from '../../verb.ts';

export const segmentFlags: readonly Flag[] = [
  {
    flags: '--uplink <interface>',
    description: 'interface of the nodes that leads to the network, such as bond0',
  },
  { flags: '--vlan <id>', description: 'VLAN of the uplink, 1 to 4094' },
  {
    flags: '--group <group>',
    description: 'on the nodes of this group only',
    many: true,
    complete: groupNames,
  },
];

export const reserveFlag: Flag = {
  flags: '--reserve <address>',
  description: 'never handed out, IPv4 or IPv6',
  many: true,
};

export const addressFlags: readonly Flag[] = [
  { flags: '--gateway <address>', description: 'default: the first address with mode nat' },
  { flags: '--pool <range>', description: 'addresses to hand out: FIRST-LAST' },
  { flags: '--gateway6 <address>', description: 'of the IPv6 subnet; may be link-local' },
  { flags: '--pool6 <range>', description: 'IPv6 addresses to hand out: FIRST-LAST' },
  { flags: '--dns <address>', description: 'name server for the guests, IPv4 or IPv6', many: true },
  reserveFlag,
  { flags: '--mtu <bytes>', description: 'largest packet' },
];

export interface Addresses {
  gateway?: string;
  poolStart?: string;
  poolEnd?: string;
  dns?: string[];
}

/** @param family of the addresses */
export function reservedOf(given: Given, family: 4 | 6): { reserved?: string[] } {
  const reserved = given.all('reserve').filter((address) => address.includes(':') === (family === 6));
  return reserved.length > 0 ? { reserved: [...reserved] } : {};
}

/** What was given for IPv4, or for IPv6; not what is reserved. @throws GantryError `invalid_argument` */
export function addressesOf(given: Given, family: 4 | 6): Addresses {
  const suffix = family === 6 ? '6' : '';
  const mine = (flag: string) =>
    given.all(flag).filter((address) => address.includes(':') === (family === 6));
  const dns = mine('dns');
  return {
    ...given.string('gateway', `gateway${suffix}`),
    ...poolOf(given.text(`pool${suffix}`)),
    ...(dns.length > 0 ? { dns } : {}),
  };
}

function poolOf(text: string | undefined): { poolStart?: string; poolEnd?: string } {
  if (text === undefined) return {};
  const [poolStart, poolEnd, more] = text.split('-');
  if (!poolStart || !poolEnd || more !== undefined)
    throw err('invalid_argument', {
      what: JSON.stringify(text.slice(0, 64)),
      wanted: 'a range such as 10.1.0.50-10.1.0.99',
    });
  return { poolStart, poolEnd };
}
