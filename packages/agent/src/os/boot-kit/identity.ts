/**
 * Who a guest is, as files: made from its spec on the node, handed over in the second archive of its initrd (see
 * init-script.ts), put into the root file system by the guest itself. The node never mounts a guest's disk.
 */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { GuestNic, GuestSpec } from '@gantry/model';
import type { HostKey } from './host-key.ts';
import { type CpioEntry, writeNewc } from './newc.ts';

const FOLDERS = { root: 0o700, 'root/.ssh': 0o700 };

/** The archive to append to the initrd. `hostKey` must stay the same for a guest. */
export function identityArchive(spec: GuestSpec, hostKey: HostKey): Buffer {
  const always = writeNewc(alwaysFiles(spec), FOLDERS);
  const once = writeNewc(onceFiles(spec, hostKey), FOLDERS);
  const ifupdown = writeNewc([{ path: 'etc/network/interfaces', content: interfaces(spec.input.nics) }]);
  const digest = createHash('sha256').update(always).update(once).update(ifupdown).digest('hex');
  return writeNewc(
    [
      { path: 'gantry/nics', content: spec.input.nics.map(nicLine).join('') },
      { path: 'gantry/digest', content: `${digest}\n` },
      { path: 'gantry/machine-id', content: machineId(spec) },
      { path: 'gantry/always.cpio', content: always },
      { path: 'gantry/once.cpio', mode: 0o600, content: once },
      { path: 'gantry/ifupdown.cpio', content: ifupdown },
    ],
    { gantry: 0o700 },
  );
}

const machineId = ({ instance }: GuestSpec): string => `${instance.replaceAll('-', '')}\n`;

export const hostnameOf = ({ input }: GuestSpec): string => input.personality.hostname ?? input.name;

function alwaysFiles(spec: GuestSpec): CpioEntry[] {
  const { nics } = spec.input;
  const dns = [...new Set(nics.flatMap((nic) => [...(nic.dns ?? []), ...(nic.dns6 ?? [])]))];
  return [
    { path: 'etc/hostname', content: `${shortName(spec)}\n` },
    { path: 'etc/hosts', content: hosts(spec) },
    { path: 'etc/machine-id', mode: 0o444, content: machineId(spec) },
    ...(dns.length > 0
      ? [{ path: 'etc/resolv.conf', content: dns.map((server) => `nameserver ${server}\n`).join('') }]
      : []),
    ...nics.map((nic, index) => ({
      path: `etc/systemd/network/10-gantry-${index}.network`,
      content: networkdUnit(nic),
    })),
    ...(nics.some(needsDhcp) ? [NETWORKD] : []),
  ];
}

function onceFiles({ input }: GuestSpec, { privateKey, publicKey }: HostKey): CpioEntry[] {
  const keys = input.personality.sshKeys ?? [];
  return [
    { path: 'etc/ssh/ssh_host_ed25519_key', mode: 0o600, content: privateKey },
    { path: 'etc/ssh/ssh_host_ed25519_key.pub', content: `${publicKey}\n` },
    ...(keys.length > 0
      ? [
          {
            path: 'root/.ssh/authorized_keys',
            mode: 0o600,
            content: keys.map((key) => `${key}\n`).join(''),
          },
        ]
      : []),
  ];
}

const shortName = (spec: GuestSpec): string => hostnameOf(spec).split('.')[0] ?? '';

function hosts(spec: GuestSpec): string {
  const full = hostnameOf(spec);
  const names = full === shortName(spec) ? full : `${full} ${shortName(spec)}`;
  const { nics } = spec.input;
  const address = nics.find(({ ipv4 }) => ipv4 !== undefined)?.ipv4 ?? '127.0.1.1';
  const address6 = nics.find(({ ipv6 }) => ipv6 !== undefined)?.ipv6;
  return [
    '127.0.0.1 localhost',
    `${address} ${names}`,
    ...(address6 === undefined ? [] : [`${address6} ${names}`]),
    '::1 localhost ip6-localhost ip6-loopback',
    'ff02::1 ip6-allnodes',
    'ff02::2 ip6-allrouters',
    '',
  ].join('\n');
}

const addressOf = ({ ipv4, prefix }: GuestNic): string | undefined =>
  ipv4 === undefined ? undefined : `${ipv4}/${prefix ?? 32}`;

const address6Of = ({ ipv6, prefix6 }: GuestNic): string | undefined =>
  ipv6 === undefined ? undefined : `${ipv6}/${prefix6 ?? 128}`;

const nicLine = (nic: GuestNic): string =>
  `${[
    nic.mac,
    addressOf(nic) ?? '-',
    (nic.ipv4 && nic.gateway) ?? '-',
    nic.mtu ?? '-',
    address6Of(nic) ?? '-',
    (nic.ipv6 && nic.gateway6) ?? '-',
  ].join(' ')}\n`;

/**
 * Whether router advertisements can be of use. What the filter binds to given addresses can use no other one, which an
 * advertisement would make it prefer; networkd waits for one for 12 s and more before a guest without IPv6 counts as online.
 */
export const hearsRouters = ({ ipv4, ipv6, gateway6, filter, allow = [] }: GuestNic): boolean => {
  const bound = filter === undefined || filter === 'bound';
  const mayUseOthers =
    !bound || (ipv4 ?? ipv6) === undefined || allow.some((source) => isIPv6(source.split('/')[0] ?? ''));
  return mayUseOthers || (ipv6 !== undefined && gateway6 === undefined);
};

/** An address that is not granted must be asked for. Static ones stay as the initramfs has set them, without a daemon. */
const needsDhcp = (nic: GuestNic): boolean => nic.dhcp && nic.ipv4 === undefined;
const NETWORKD: CpioEntry = {
  path: 'etc/systemd/system/multi-user.target.wants/systemd-networkd.service',
  link: true,
  content: '/lib/systemd/system/systemd-networkd.service',
};

/** The same for systemd-networkd, where the guest's owner enables it: granted addresses are static, also where DHCP would give the same. */
function networkdUnit(nic: GuestNic): string {
  const [address, address6] = [addressOf(nic), address6Of(nic)];
  const how = [
    ...(address === undefined && needsDhcp(nic) ? ['DHCP=ipv4'] : []),
    ...staticLines(address, nic.gateway, nic.dns),
    ...staticLines(address6, nic.gateway6, nic.dns6),
    ...(address === undefined && address6 === undefined && !needsDhcp(nic)
      ? ['LinkLocalAddressing=ipv6']
      : []),
    ...(address === undefined && address6 === undefined ? [] : ['KeepConfiguration=yes']),
    ...(hearsRouters(nic) ? [] : ['IPv6AcceptRA=no']),
  ];
  const link = nic.mtu === undefined ? [] : ['', '[Link]', `MTUBytes=${nic.mtu}`];
  return ['[Match]', `MACAddress=${nic.mac}`, ...link, '', '[Network]', ...how, ''].join('\n');
}

const staticLines = (
  address: string | undefined,
  gateway: string | undefined,
  dns: readonly string[] = [],
): string[] =>
  address === undefined
    ? []
    : [
        `Address=${address}`,
        ...(gateway ? [`Gateway=${gateway}`] : []),
        ...dns.map((server) => `DNS=${server}`),
      ];

/** For root file systems with ifupdown; names are those of net.ifnames=0, in the order of the NICs. */
function interfaces(nics: readonly GuestNic[]): string {
  const stanzas = nics.map((nic, index) => {
    const name = `eth${index}`;
    const address = addressOf(nic);
    const inet6 = inet6Lines(nic, name);
    if (address === undefined)
      return [`auto ${name}`, `iface ${name} inet ${needsDhcp(nic) ? 'dhcp' : 'manual'}`, ...inet6];
    return [
      `auto ${name}`,
      `iface ${name} inet static`,
      // The initramfs has set it already, and adding it again is an error to ifupdown.
      `  pre-up ip -4 addr flush dev ${name} || true`,
      `  address ${address}`,
      ...(nic.gateway ? [`  gateway ${nic.gateway}`] : []),
      ...(nic.mtu === undefined ? [] : [`  mtu ${nic.mtu}`]),
      ...inet6,
    ];
  });
  return `${[['auto lo', 'iface lo inet loopback'], ...stanzas].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function inet6Lines(nic: GuestNic, name: string): string[] {
  const address = address6Of(nic);
  if (address === undefined) return [];
  return [
    `iface ${name} inet6 static`,
    `  pre-up ip -6 addr flush dev ${name} scope global || true`,
    `  address ${address}`,
    ...(nic.gateway6 ? [`  gateway ${nic.gateway6}`] : []),
  ];
}
