/** The certificate authority with the openssl program; its key lies in a folder that only the controller may enter. */
import { createPublicKey, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { err } from '@gantry/model';
import type { Env } from '../env.ts';
import type {
  CertificateAuthority,
  CertificateProfile,
  CertificateUse,
  Issued,
} from './certificate-authority.ts';
import { IssuedCertificates } from './issued.ts';
import { openssl, opensslOutput } from './openssl.ts';
import { revocationList } from './revocation-list.ts';

const DAY_MS = 24 * 3_600_000;

/** Nobody renews it by itself: all nodes trust it. */
const CA_DAYS = 3650 * 2;
/** libvirt's TLS wants RSA; three thousand bits as NIST SP 800-57 asks beyond 2030. */
const CA_KEY = 'rsa:3072';
const RSA_BITS = 2048;

const extendedUse: Readonly<Record<CertificateUse, string>> = {
  agent: 'clientAuth',
  // a node is server and client of migrations
  host: 'serverAuth,clientAuth',
  controller: 'serverAuth',
};

/**
 * Opens the authority in a folder, or makes it there: its key and certificate appear together or not at all.
 * @throws GantryError `host_unfit` without openssl, `store_unusable` when the key and the certificate are not a pair
 */
export async function openAuthority(folder: string, cluster: string, env: Env): Promise<OpensslAuthority> {
  const [key, certificate] = [join(folder, 'ca.key'), join(folder, 'ca.pem')];
  const present = await readIfThere(certificate);
  const pem = present ?? (await make(folder, cluster));
  const matches = new X509Certificate(pem).publicKey.equals(createPublicKey(await readFile(key, 'utf8')));
  if (!matches) throw err('store_unusable', { why: `${key} is not the key of ${certificate}` });
  await removeLeftovers(folder);
  const issued = await IssuedCertificates.open(join(folder, 'issued'), env.clock.now());
  return new OpensslAuthority({ folder, certificate: pem, env, issued });
}

/** Work folders of calls that were killed; there is no key in them. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (/^(issue|revoke)-/.test(name)) await rm(join(folder, name), { recursive: true, force: true });
}

async function make(folder: string, cluster: string): Promise<string> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  // without its certificate a key was never used
  await rm(folder, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  const [key, certificate] = [join(draft, 'ca.key'), join(draft, 'ca.pem')];
  await writeFile(key, '', { mode: 0o600 });
  await opensslOutput([
    ...['req', '-x509', '-newkey', CA_KEY, '-noenc', '-keyout', key, '-out', certificate],
    ...['-days', String(CA_DAYS), '-subj', `/O=gantry/CN=${cluster} CA`],
    ...['-addext', 'basicConstraints=critical,CA:TRUE,pathlen:0'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  await chmod(key, 0o600);
  for (const path of [key, certificate, draft]) await sync(path);
  await rename(draft, folder);
  await sync(dirname(folder));
  return await readFile(join(folder, 'ca.pem'), 'utf8');
}

interface AuthorityParts {
  folder: string;
  certificate: string;
  env: Env;
  issued: IssuedCertificates;
}

export class OpensslAuthority implements CertificateAuthority {
  readonly certificate: string;
  readonly #folder: string;
  readonly #env: Env;
  readonly #issued: IssuedCertificates;
  /** The latest list: of which serials, and how it is asked for meanwhile. */
  #list: { of: string; pem: Promise<string> } | undefined;

  constructor({ folder, certificate, env, issued }: AuthorityParts) {
    this.#folder = folder;
    this.certificate = certificate;
    this.#env = env;
    this.#issued = issued;
  }

  async publicKey(request: string): Promise<string> {
    const { code, stdout, stderr } = await openssl(['req', '-verify', '-noout', '-pubkey'], request);
    // openssl 3.0 ends with 0 for a request whose signature is wrong
    if (code !== 0 || !/verify OK/.test(stderr))
      throw badRequest('a signing request in PEM, signed with its key');
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey(stdout);
    const strong =
      (type === 'rsa' && (details?.modulusLength ?? 0) >= RSA_BITS) ||
      (type === 'ec' && details?.namedCurve === 'prime256v1');
    if (!strong) throw badRequest(`of a key that counts: RSA of ${RSA_BITS} bits or more, or P-256`);
    return stdout;
  }

  async issue(publicKey: string, profile: CertificateProfile): Promise<Issued> {
    const work = await mkdtemp(join(this.#folder, 'issue-'));
    try {
      if (!/^[A-Za-z0-9.-]+$/.test(profile.name)) throw badRequest('for a plain name');
      const serial = this.#serial();
      const endsMs = this.#env.clock.now() + (profile.days + 1) * DAY_MS;
      if (profile.node !== undefined) await this.#issued.add({ node: profile.node, serial, endsMs });
      const [key, extensions] = [join(work, 'public.pem'), join(work, 'extensions')];
      await writeFile(key, publicKey, { mode: 0o600 });
      await writeFile(extensions, extensionsOf(profile), { mode: 0o600 });
      const certificate = await opensslOutput([
        ...['x509', '-new', '-force_pubkey', key, '-subj', `/O=gantry/OU=${profile.use}/CN=${profile.name}`],
        ...['-CA', join(this.#folder, 'ca.pem'), '-CAkey', join(this.#folder, 'ca.key')],
        ...['-days', String(profile.days), '-extfile', extensions, '-set_serial', `0x${serial}`],
      ]);
      const { fingerprint256 } = new X509Certificate(certificate);
      return { certificate, fingerprint: Buffer.from(fingerprint256.replaceAll(':', ''), 'hex') };
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async revocations(nodes: ReadonlySet<string>): Promise<string> {
    const now = this.#env.clock.now();
    const revoked = this.#issued.ofOthers(nodes, now);
    const of = revoked.map(({ serial }) => serial).join(' ');
    if (this.#list?.of === of) return await this.#list.pem;
    const pem = revocationList(this.#folder, revoked, now);
    this.#list = { of, pem };
    pem.catch(() => {
      if (this.#list?.pem === pem) this.#list = undefined;
    });
    return await pem;
  }

  /** 126 random bits: positive, and never used before. */
  #serial(): string {
    const bytes = Buffer.from(this.#env.randomBytes(16));
    bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
    return bytes.toString('hex').toUpperCase();
  }
}

/** The names become lines of an OpenSSL configuration, which has a syntax of its own. */
function extensionsOf({ use, dnsNames = [], addresses = [] }: CertificateProfile): string {
  for (const name of [...dnsNames, ...addresses])
    if (!/^[A-Za-z0-9.:-]+$/.test(name)) throw badRequest(`for a host: ${JSON.stringify(name)}`);
  const names = [...dnsNames.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)];
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature,keyEncipherment',
    `extendedKeyUsage=${extendedUse[use]}`,
    ...(names.length > 0 ? [`subjectAltName=${names.join(',')}`] : []),
    '',
  ].join('\n');
}

const badRequest = (wanted: string) => err('invalid_argument', { what: 'the signing request', wanted });

const readIfThere = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
