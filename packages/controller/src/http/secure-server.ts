/** TLS for other machines, with a certificate of the cluster's own authority that is renewed while it serves. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { RequestListener, Server } from 'node:http';
import { createServer, type Server as HttpsServer } from 'node:https';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Env } from '../env.ts';
import type { CertificateAuthority } from '../pki/certificate-authority.ts';
import { opensslOutput } from '../pki/openssl.ts';

const DAYS = 90;
const DAY_MS = 24 * 3_600_000;
/** Renewed when so much of it is left. */
const RENEW_MS = 30 * DAY_MS;
const LOOK_MS = 6 * 3_600_000;

interface Pair {
  key: string;
  cert: string;
}

export interface SecureDoor {
  create(onRequest: RequestListener): Server;
  /** PEM. */
  certificate(): string;
  /** Renews the certificate in time, until the signal aborts. */
  keep(signal: AbortSignal): Promise<void>;
}

/**
 * Clients may show a certificate; whether they must is the route's to say.
 * @param names host names and addresses by which the controller is reached
 */
export async function secureDoor(
  folder: string,
  authority: CertificateAuthority,
  names: readonly string[],
  env: Env,
): Promise<SecureDoor> {
  let pair = (await present(folder, names, env)) ?? (await make(folder, authority, names));
  let server: HttpsServer | undefined;
  return {
    certificate: () => pair.cert,
    create(onRequest) {
      server = createServer(
        { ...contextOf(pair, authority), requestCert: true, rejectUnauthorized: false },
        onRequest,
      );
      return server as unknown as Server;
    },
    async keep(signal) {
      while (!signal.aborted) {
        await env.clock.sleep(LOOK_MS, signal).catch(() => undefined);
        if (signal.aborted || !endsSoon(pair.cert, env)) continue;
        try {
          pair = await make(folder, authority, names);
          server?.setSecureContext(contextOf(pair, authority));
          env.log('info', 'the certificate of the controller was renewed');
        } catch (error) {
          // a disk that is full; the one that there is is good for weeks
          env.log('error', 'the certificate of the controller was not renewed', { error: String(error) });
        }
      }
    },
  };
}

const contextOf = ({ key, cert }: Pair, { certificate }: CertificateAuthority) => ({
  key,
  cert: cert + certificate,
  ca: certificate,
  minVersion: 'TLSv1.2' as const,
});

const endsSoon = (cert: string, env: Env): boolean =>
  new X509Certificate(cert).validToDate.getTime() - env.clock.now() < RENEW_MS;

const filesIn = (folder: string) => ({ key: join(folder, 'server.key'), cert: join(folder, 'server.pem') });

/** The one of the last start, if it is still good for these names. */
async function present(folder: string, names: readonly string[], env: Env): Promise<Pair | undefined> {
  const files = filesIn(folder);
  try {
    const [key, cert] = await Promise.all([readFile(files.key, 'utf8'), readFile(files.cert, 'utf8')]);
    const known = new X509Certificate(cert);
    const good =
      known.checkPrivateKey(createPrivateKey(key)) &&
      !endsSoon(cert, env) &&
      names.every((name) => (isIP(name) ? known.checkIP(name) : known.checkHost(name)) !== undefined);
    return good ? { key, cert } : undefined;
  } catch {
    return undefined;
  }
}

async function make(
  folder: string,
  authority: CertificateAuthority,
  names: readonly string[],
): Promise<Pair> {
  const files = filesIn(folder);
  await writeFile(`${files.key}.new`, '', { mode: 0o600 });
  const request = await opensslOutput([
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'],
    ...['-keyout', `${files.key}.new`, '-subj', '/CN=controller'],
  ]);
  const { certificate: cert } = await authority.issue(await authority.publicKey(request), {
    use: 'controller',
    name: 'controller',
    dnsNames: names.filter((name) => !isIP(name)),
    addresses: names.filter((name) => isIP(name)),
    days: DAYS,
  });
  await writeFile(`${files.cert}.new`, cert, { mode: 0o600 });
  // a pair that does not fit, after a crash between the two, is made anew by the next start
  await rename(`${files.key}.new`, files.key);
  await rename(`${files.cert}.new`, files.cert);
  return { key: await readFile(files.key, 'utf8'), cert };
}
