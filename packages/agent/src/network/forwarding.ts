/**
 * IPv4 forwarding for a NAT network. Linux asks the interface on which a packet came in (conf/IFACE/forwarding): for
 * packets of guests that is the bridge, for answers the uplink. So these are switched on one by one; the global
 * ip_forward would make a router out of every interface, future ones included. Uplinks are the interfaces with a
 * default route; for routes by others the operator sets net.ipv4.conf.IFACE.forwarding himself. It stays on when the
 * network goes: who else came to rely on it cannot be known.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { err } from '@gantry/model';

const conf = (family: 'ipv4' | 'ipv6', link: string, key: string): string =>
  `/proc/sys/net/${family}/conf/${link}/${key}`;

/** Interfaces with a default route, by the text of /proc/net/route. */
export function uplinks(routes: string): string[] {
  const rows = routes.split('\n').map((line) => line.split('\t'));
  const names = rows.flatMap(([link, destination, , , , , , mask]) =>
    link && destination === '00000000' && mask === '00000000' ? [link] : [],
  );
  return [...new Set(names)];
}

/** Settings that are not as a NAT network on `bridge` needs them. Reads of /proc never wait, so they need no thread. */
function wrongSettings(bridge: string): Setting[] {
  const wanted = [
    ...[bridge, ...uplinks(readFileSync('/proc/net/route', 'utf8'))].map((link) => ({
      path: conf('ipv4', link, 'forwarding'),
      value: '1',
    })),
    noIpv6(bridge),
  ];
  return wanted.filter(isWrong);
}

interface Setting {
  path: string;
  value: string;
}

/** The host has no IPv6 address on a guests' network, else its services would be open to guests there. */
const noIpv6 = (link: string): Setting => ({ path: conf('ipv6', link, 'disable_ipv6'), value: '1' });

const isWrong = ({ path, value }: Setting): boolean => ![undefined, value].includes(setting(path));

/** undefined: the kernel has no such setting (no IPv6), or the interface has gone. */
function setting(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** What is not as wanted; empty: all is. */
export const forwardingFaults = (bridge: string): string[] =>
  wrongSettings(bridge).map(({ path, value }) => `${path} is not ${value}`);

/** @throws GantryError `host_unfit` when the kernel's settings cannot be written */
export async function ensureForwarding(bridge: string): Promise<void> {
  for (const wrong of wrongSettings(bridge)) await write(wrong);
}

/** The interface gets no IPv6 address of the host. @throws GantryError `host_unfit` */
export async function ensureNoIpv6(link: string): Promise<void> {
  const wanted = noIpv6(link);
  if (isWrong(wanted)) await write(wanted);
}

async function write({ path, value }: Setting): Promise<void> {
  await writeFile(path, value).catch((cause: NodeJS.ErrnoException) => {
    throw err('host_unfit', {
      why: `${path} cannot be set to ${value} (${cause.code})`,
      remedy: 'Set it yourself, or run the agent where /proc/sys is writable.',
    });
  });
}
