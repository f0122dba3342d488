import { TransportError } from '../errors.ts';
import type { Credentials } from './credentials.ts';
import type { SaslClient } from './sasl-client.ts';
import { scramClient } from './scram.ts';

/** The mechanisms of this client, the best first. */
const MECHANISMS: Readonly<Record<string, (credentials: Credentials) => SaslClient>> = {
  'SCRAM-SHA-256': (credentials) => scramClient('sha256', credentials),
  'SCRAM-SHA-1': (credentials) => scramClient('sha1', credentials),
  PLAIN: plainClient,
};

/** RFC 4616: name and password as they are, so only where nobody can listen. */
function plainClient({ authname, password }: Credentials): SaslClient {
  return {
    done: true,
    first: () => Buffer.from(`\0${authname}\0${password}`),
    step: async () => undefined,
  };
}

const REMEDY =
  'set "mech_list: scram-sha-256" in /etc/sasl2/libvirt.conf on the server (packages libsasl2-modules and libsasl2-modules-db), make the account with saslpasswd2 -a libvirt, and restart the daemon';

/** The best mechanism that the server offers and this client has, or the one asked for. @throws TransportError */
export function chooseMechanism(offered: readonly string[], wanted: string | undefined): string {
  const list = offered.map((name) => name.toUpperCase());
  const want = wanted?.toUpperCase();
  if (want !== undefined && !list.includes(want))
    throw new TransportError(
      'AUTH',
      `the server does not offer ${want}, only ${list.join(', ') || 'nothing'}`,
    );
  const candidates = want === undefined ? list : [want];
  const chosen = Object.keys(MECHANISMS).find((name) => candidates.includes(name));
  if (chosen !== undefined) return chosen;
  throw new TransportError('AUTH', `${explain(candidates)}; ${REMEDY}`);
}

function explain(offered: readonly string[]): string {
  const known = Object.keys(MECHANISMS).join(', ');
  const kerberos = offered.some((name) => name.startsWith('GSS'));
  const digest = offered.includes('DIGEST-MD5');
  const reason = kerberos
    ? 'Kerberos is not built into this client'
    : digest
      ? 'DIGEST-MD5 is broken and was withdrawn (RFC 6331)'
      : `this client has ${known}`;
  return `the server offers no SASL mechanism that this client has (${offered.join(', ') || 'none at all'}): ${reason}`;
}

/** Begins an exchange with a mechanism of {@link chooseMechanism}. */
export function saslClient(mechanism: string, credentials: Credentials): SaslClient {
  const make = MECHANISMS[mechanism];
  if (make === undefined) throw new TypeError(`no SASL mechanism ${mechanism}`);
  if (/\0/.test(credentials.authname + credentials.password))
    throw new TransportError('AUTH', 'a name or password with a NUL character cannot be sent');
  return make(credentials);
}
