/** What a guest's agent tells of its inside: the guest's word, bounded in number and size. */
import { virDomainInterfaceAddressesSource as Source } from '@gantry/libvirt';
import { type Inside, isGantryError } from '@gantry/model';
import { type AgentParts, withAgent } from './agent-channel.ts';
import { clean } from './clean.ts';

const MOST_INTERFACES = 32;
const MOST_ADDRESSES = 16;
const MOST_FILE_SYSTEMS = 32;
const LONGEST = 255;

/** What the guest’s agent tells; whatever it does, there is an answer. */
export async function lookInside(instance: string, parts: AgentParts): Promise<Inside> {
  try {
    return { agent: 'answers', ...(await ask(instance, parts)) };
  } catch (error) {
    if (!isGantryError(error, 'guest_agent')) throw error;
    if (error.params['absent']) return { agent: 'absent' };
    return { agent: 'silent', why: clean(error.message, 512) };
  }
}

/** In an order that does not change by itself. */
const ask = (instance: string, parts: AgentParts): Promise<Omit<Inside, 'agent'>> =>
  withAgent(instance, parts, async (lv, dom, options) => {
    const source = Source.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT;
    const interfaces = await lv.domainInterfaceAddresses({ dom, source, flags: 0 }, options);
    const fileSystems = await lv.domainGetFsinfo({ dom, flags: 0 }, options);
    return { interfaces: interfacesOf(interfaces), fileSystems: fileSystemsOf(fileSystems) };
  });

interface SaidInterface {
  name: string;
  hwaddr: string | null;
  addrs: readonly { addr: string; prefix: number }[];
}

export const interfacesOf = (said: readonly SaidInterface[]): NonNullable<Inside['interfaces']> =>
  said
    .filter(({ name }) => name !== 'lo')
    .slice(0, MOST_INTERFACES)
    .map(({ name, hwaddr, addrs }) => ({
      name: clean(name, 64),
      ...(hwaddr === null ? {} : { mac: clean(hwaddr, 64) }),
      addresses: addrs.slice(0, MOST_ADDRESSES).map(({ addr, prefix }) => `${clean(addr, 64)}/${prefix}`),
    }));

interface SaidFileSystem {
  mountpoint: string;
  name: string;
  fstype: string;
}

export const fileSystemsOf = (said: readonly SaidFileSystem[]): NonNullable<Inside['fileSystems']> =>
  said
    .map(({ mountpoint, name, fstype }) => ({
      mountpoint: clean(mountpoint, LONGEST),
      device: clean(name, 64),
      type: clean(fstype, 64),
    }))
    .sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1))
    .slice(0, MOST_FILE_SYSTEMS);
