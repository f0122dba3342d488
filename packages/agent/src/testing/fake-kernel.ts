/** A few interfaces, changed by the `ip link` and `bridge vlan` commands of the network driver, for tests without a kernel. */
import type { Link } from '../network/links.ts';
import type { Run } from '../process/run.ts';

export interface FakeKernel {
  links: Map<string, Link>;
  /** `ip`; with `dieBefore` n it throws instead of the n-th change, as when the agent was killed there. */
  run(dieBefore?: number): Run;
  changes(): number;
  /** The node cannot reach its controller while this interface is there. */
  cutBy(name: string): void;
  reachable(): boolean;
  /** What was made is gone, what is built in has its settings of before. */
  reboot(): void;
}

export function fakeKernel(builtIn: readonly Link[]): FakeKernel {
  const links = new Map<string, Link>();
  const boot = (): void => {
    links.clear();
    for (const link of builtIn) links.set(link.name, structuredClone(link));
  };
  boot();
  let count = 0;
  let cutter: string | undefined;
  return {
    links,
    changes: () => count,
    cutBy(name) {
      cutter = name;
    },
    reachable: () => cutter === undefined || !links.has(cutter),
    reboot: boot,
    run(dieBefore) {
      let mine = 0;
      return (argv) => {
        if (argv.includes('show'))
          return Promise.resolve(told(argv[0] === 'bridge' ? showVlans(links) : show(links)));
        if (++mine === dieBefore) return Promise.reject(new Error('killed'));
        count++;
        if (argv[0] === 'ip') change(links, argv.slice(2));
        if (argv[0] === 'bridge') changeVlans(links, argv.slice(2));
        return Promise.resolve(told(''));
      };
    },
  };
}

const told = (stdout: string) => ({ code: 0, stdout, stderr: '' }) as Awaited<ReturnType<Run>>;

const show = (links: ReadonlyMap<string, Link>): string =>
  JSON.stringify(
    [...links.values()].map(({ name, mtu, mac, kind, alias, master, parent, ...link }) => ({
      ...{ ifname: name, mtu, address: mac, ifalias: alias, master, link: parent },
      flags: [...(link.up ? ['UP'] : []), ...(link.carrier ? ['LOWER_UP'] : [])],
      linkinfo: kind
        ? { info_kind: kind, info_data: { id: link.vlan, vlan_filtering: link.vlanAware ? 1 : 0 } }
        : undefined,
      addr_info: link.ipv4.map((address) => {
        const [local, prefix] = address.split('/');
        return { family: 'inet', local, prefixlen: Number(prefix) };
      }),
    })),
  );

const showVlans = (links: ReadonlyMap<string, Link>): string =>
  JSON.stringify(
    [...links.values()].flatMap(({ name, vlans = [] }) =>
      vlans.length === 0
        ? []
        : [
            {
              ifname: name,
              vlans: vlans.map(({ first, last, untagged }) => ({
                ...(last === first ? { vlan: first } : { vlan: first, vlanEnd: last }),
                ...(untagged ? { flags: ['PVID', 'Egress Untagged'] } : {}),
              })),
            },
          ],
    ),
  );

/** `add|del dev BRIDGE vid ID self`. */
function changeVlans(links: Map<string, Link>, [verb, , name = '', , id]: readonly string[]): void {
  const link = links.get(name);
  if (!link?.vlanAware) throw new Error('RTNETLINK answers: Operation not supported');
  const others = (link.vlans ?? []).filter(({ first }) => first !== Number(id));
  const mine = { first: Number(id), last: Number(id), untagged: false };
  link.vlans = verb === 'add' ? [...others, mine] : others;
}

/** `add|set|del ...`, words in pairs except `up` and `nomaster`. */
function change(links: Map<string, Link>, [verb, ...words]: readonly string[]): void {
  const after = (word: string): string | undefined =>
    words.includes(word) ? words[words.indexOf(word) + 1] : undefined;
  const name = after('name') ?? after('dev') ?? '';
  if (verb === 'add') links.set(name, newLink(name, after));
  else if (verb === 'del') {
    links.delete(name);
    for (const link of links.values()) if (link.master === name) delete link.master;
  } else set(links.get(name), words, after);
}

function newLink(name: string, after: (word: string) => string | undefined): Link {
  const [kind = '', parent, id] = [after('type'), after('link'), after('id')];
  return {
    ...{ name, up: false, carrier: false, mtu: 1500, mac: after('address') ?? '', kind, ipv4: [] },
    ...(parent ? { parent } : {}),
    ...(id ? { vlan: Number(id) } : {}),
  };
}

function set(
  link: Link | undefined,
  words: readonly string[],
  after: (word: string) => string | undefined,
): void {
  if (!link) throw new Error('Cannot find device');
  const [alias, mac, mtu, master] = [after('alias'), after('address'), after('mtu'), after('master')];
  if (alias) link.alias = alias;
  if (mac) link.mac = mac;
  if (mtu) link.mtu = Number(mtu);
  if (master) link.master = master;
  if (words.includes('up')) link.up = true;
  if (words.includes('nomaster')) delete link.master;
}
