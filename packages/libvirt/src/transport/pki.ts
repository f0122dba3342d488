import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TransportError } from '../errors.ts';
import type { Surroundings } from '../uri/surroundings.ts';

/** PEM texts: whom to trust, and what to show the server. */
export interface TlsMaterial {
  /** Certificates of the authorities that may have signed the server's. */
  readonly ca: string;
  /** Revoked certificates. */
  readonly crl?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

interface Places {
  readonly ca: string;
  readonly crl: string;
  readonly cert: string;
  readonly key: string;
}

const SYSTEM: Places = {
  ca: '/etc/pki/CA/cacert.pem',
  crl: '/etc/pki/CA/cacrl.pem',
  cert: '/etc/pki/libvirt/clientcert.pem',
  key: '/etc/pki/libvirt/private/clientkey.pem',
};

const inOneDirectory = (dir: string): Places => ({
  ca: join(dir, 'cacert.pem'),
  crl: join(dir, 'cacrl.pem'),
  cert: join(dir, 'clientcert.pem'),
  key: join(dir, 'clientkey.pem'),
});

/**
 * Reads what libvirt's own client would use: `pkipath` and nothing else if given; else, for users other than root,
 * ~/.pki/libvirt, and for what is missing there the system's files. Certificate and key only count as a pair.
 */
export async function readPki(pkipath: string | undefined, surroundings: Surroundings): Promise<TlsMaterial> {
  const places = pkipath !== undefined ? [inOneDirectory(pkipath)] : defaultPlaces(surroundings);
  const ca = await firstOf(places.map((place) => [place.ca]));
  const crl = await firstOf(places.map((place) => [place.crl]));
  const pair = await firstOf(places.map((place) => [place.cert, place.key]));
  if (ca === undefined) throw new TransportError('CONNECT', missingCa(places));
  return { ca: ca[0] ?? '', crl: crl?.[0], cert: pair?.[0], key: pair?.[1] };
}

function defaultPlaces({ uid, home }: Surroundings): Places[] {
  return uid === 0 ? [SYSTEM] : [inOneDirectory(join(home, '.pki', 'libvirt')), SYSTEM];
}

const missingCa = (places: readonly Places[]): string =>
  `no certificate authority to know the server by: there is no ${places.map(({ ca }) => ca).join(' and no ')}; put it there, name its directory with ?pkipath=, or give the option tls`;

/** The first group of files that are all there. One that is there and cannot be read is an error. */
async function firstOf(groups: readonly (readonly string[])[]): Promise<string[] | undefined> {
  for (const group of groups) {
    const texts = await Promise.all(group.map(readIfThere));
    if (texts.every((text) => text !== undefined)) return texts;
  }
  return undefined;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new TransportError('CONNECT', `${path} cannot be read: ${String(error)}`, { cause: error });
  }
}
