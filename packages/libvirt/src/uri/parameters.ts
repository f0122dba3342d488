import type { TransportName } from './transport-name.ts';
import { UriError } from './uri-error.ts';

/** The query parameters that say how to reach the server. */
export interface Parameters {
  /** What the server shall open, in place of what follows from the URI. */
  readonly name?: string;
  /** Path of the server's unix socket, here or beyond ssh. */
  readonly socket?: string;
  /** The ssh program, or the whole transport of `+ext`. */
  readonly command?: string;
  /** Kind of authentication: `none`, `polkit`, `sasl` or `sasl.MECHANISM`. */
  readonly auth?: string;
  /** The `auth.conf` to look in. */
  readonly authfile?: string;
  /** The netcat beyond ssh. */
  readonly netcat?: string;
  /** The private key for ssh. */
  readonly keyfile?: string;
  /** Directory of cacert.pem, clientcert.pem and clientkey.pem. */
  readonly pkipath?: string;
  /** Which daemon's socket: `direct` is virtqemud's, `legacy` libvirtd's. */
  readonly mode: 'auto' | 'legacy' | 'direct';
  /** What connects to the socket beyond ssh: `native` is virt-ssh-helper. */
  readonly proxy: 'auto' | 'netcat' | 'native';
  /** Takes any server certificate, any ssh host key. */
  readonly noVerify: boolean;
  /** ssh may not ask for a password. */
  readonly noTty: boolean;
}

const STRINGS = ['name', 'socket', 'command', 'auth', 'authfile', 'netcat', 'keyfile', 'pkipath'] as const;
const BOOLEANS = { no_verify: 'noVerify', no_tty: 'noTty', no_sanity: undefined } as const;
const CHOICES = { mode: ['auto', 'legacy', 'direct'], proxy: ['auto', 'netcat', 'native'] } as const;

/** virsh hands these to libraries that are not here; to ignore one would be to trust a host it was to keep out. */
const REFUSED: Readonly<Record<string, string>> = {
  sshauth: 'chooses methods of libssh; the system’s ssh is told in its ssh_config (PreferredAuthentications)',
  known_hosts: 'is for libssh; the system’s ssh is told in its ssh_config (UserKnownHostsFile)',
  known_hosts_verify: 'is for libssh; the system’s ssh is told in its ssh_config (StrictHostKeyChecking)',
  tls_priority:
    'is a GnuTLS priority string, which Node.js cannot read; its own defaults (TLS 1.2 and 1.3) are used',
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Takes our own parameters out of a query; `passedOn` is the rest, unchanged. Names count without case, as in libvirt. */
export function parseQuery(
  query: string,
  uri: string,
  transport: TransportName,
): { parameters: Parameters; passedOn: string } {
  const found: Mutable<Parameters> = { mode: 'auto', proxy: 'auto', noVerify: false, noTty: false };
  const rest: string[] = [];
  for (const piece of query.split(/[&;]/).filter((text) => text !== '')) {
    const [rawName = '', ...value] = piece.split('=');
    if (!take(found, decode(rawName, uri).toLowerCase(), decode(value.join('='), uri), uri)) rest.push(piece);
  }
  check(found, uri, transport);
  return { parameters: found, passedOn: rest.join('&') };
}

function decode(text: string, uri: string): string {
  try {
    const decoded = decodeURIComponent(text);
    if (!/[\u0000-\u001f\u007f]/.test(decoded)) return decoded;
  } catch {
    // Falls through to the same answer.
  }
  throw new UriError(uri, `bad percent-encoding in ${JSON.stringify(text)}`);
}

function take(found: Mutable<Parameters>, name: string, value: string, uri: string): boolean {
  const refused = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
  if (refused !== undefined) throw new UriError(uri, `the parameter ${name} is not supported: it ${refused}`);
  const text = STRINGS.find((known) => known === name);
  if (text !== undefined) found[text] = value;
  else if (Object.hasOwn(BOOLEANS, name)) takeBoolean(found, name as keyof typeof BOOLEANS, value, uri);
  else if (name === 'mode') found.mode = choice('mode', value, uri);
  else if (name === 'proxy') found.proxy = choice('proxy', value, uri);
  else return false;
  return true;
}

function takeBoolean(
  found: Mutable<Parameters>,
  name: keyof typeof BOOLEANS,
  value: string,
  uri: string,
): void {
  if (!/^[+-]?\d+$/.test(value)) throw new UriError(uri, `${name} must be a number, 1 for yes and 0 for no`);
  const field = BOOLEANS[name];
  // no_sanity turns off libvirt's inspection of one's own certificate, which is not made here.
  if (field !== undefined) found[field] = Number(value) !== 0;
}

function choice<N extends keyof typeof CHOICES>(
  name: N,
  value: string,
  uri: string,
): (typeof CHOICES)[N][number] {
  const known: readonly string[] = CHOICES[name];
  if (!known.includes(value)) throw new UriError(uri, `${name} must be one of ${known.join(', ')}`);
  return value as (typeof CHOICES)[N][number];
}

function check(found: Parameters, uri: string, transport: TransportName): void {
  if (found.mode === 'direct' && transport !== 'unix')
    throw new UriError(
      uri,
      `mode=direct is for unix sockets; over ${transport} the far end chooses the daemon`,
    );
  if (transport === 'ext' && (found.command ?? '') === '')
    throw new UriError(uri, 'the transport ext needs the parameter command, the program that connects');
  if (found.auth !== undefined && !/^(none|polkit|sasl([.][A-Za-z0-9_-]+)?)$/i.test(found.auth))
    throw new UriError(uri, 'auth must be none, polkit, sasl or sasl.MECHANISM');
}
