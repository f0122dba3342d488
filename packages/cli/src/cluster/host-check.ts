/** What this machine lacks to run guests, and how to get it. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { err } from '@gantry/model';
import { findProgram } from './programs.ts';

export interface Lack {
  what: string;
  remedy: string;
}

const LIBVIRT_SOCKETS = ['/run/libvirt/libvirt-sock', '/run/libvirt/virtqemud-sock'];

/** Programs that the agent calls, and the Debian packages that they come in. */
const programs: readonly (readonly [program: string, pkg: string])[] = [
  ['qemu-img', 'qemu-utils'],
  ['dnsmasq', 'dnsmasq-base'],
  ['ip', 'iproute2'],
  ['nft', 'nftables'],
  ['debootstrap', 'debootstrap'],
  ['openssl', 'openssl'],
];

const architectures: Readonly<Record<string, readonly [string, string]>> = {
  x64: ['qemu-system-x86_64', 'qemu-system-x86'],
  arm64: ['qemu-system-aarch64', 'qemu-system-arm'],
};

/** The libvirt socket of `unix:///path`, a path, or the machine's own. */
export const libvirtSocket = (wanted: string | undefined): string | undefined => {
  if (wanted !== undefined) return wanted.replace(/^unix:(\/\/)?/, '');
  return LIBVIRT_SOCKETS.find(isSocket);
};

const isSocket = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isSocket() === true;

export function lacks(libvirt: string | undefined): Lack[] {
  const found: Lack[] = [];
  if (process.getuid?.() !== 0) found.push({ what: 'the rights of root', remedy: 'run it as root' });
  const [qemu, pkg] = architectures[process.arch] ?? [`qemu-system-${process.arch}`, 'qemu-system'];
  const missing = [[qemu, pkg] as const, ...programs].filter(([program]) => !findProgram(program));
  for (const [program, from] of missing) found.push({ what: program, remedy: `apt-get install ${from}` });
  const socket = libvirtSocket(libvirt);
  if (!socket || !isSocket(socket)) found.push(libvirtLack(socket));
  return found;
}

function libvirtLack(socket: string | undefined): Lack {
  const what = `a libvirt daemon${socket ? ` at ${socket}` : ''}`;
  if (!findProgram('libvirtd') && !findProgram('virtqemud'))
    return { what, remedy: 'apt-get install libvirt-daemon-system' };
  return {
    what,
    remedy: 'start it: systemctl start libvirtd, or libvirtd -d; or name its socket with --libvirt',
  };
}

const PKI = '/etc/pki';

/** Where libvirt and QEMU look for certificates, unless somebody keeps his own there. */
export const freePki = (): string | undefined =>
  ['CA/cacert.pem', 'libvirt/servercert.pem', 'qemu/server-cert.pem'].some((name) =>
    existsSync(join(PKI, name)),
  )
    ? undefined
    : PKI;

/** @throws GantryError `host_unfit` with everything that is missing, not only the first */
export function requireFit(libvirt: string | undefined): void {
  const found = lacks(libvirt);
  if (found.length === 0) return;
  throw err('host_unfit', {
    why: `it lacks ${found.map(({ what }) => what).join(', ')}`,
    remedy: [...new Set(found.map(({ remedy }) => remedy))].join('\n'),
  });
}
