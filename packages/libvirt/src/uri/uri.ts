/**
 * libvirt's connection URIs, `driver[+transport]://[user@][host][:port]/path[?parameters]`, as virsh reads them: parameters
 * for the way to the server are taken out, all others go to the server with the rest.
 */
import { type Parameters, parseQuery } from './parameters.ts';
import type { TransportName } from './transport-name.ts';
import { UriError } from './uri-error.ts';

export interface LibvirtUri {
  /** `qemu`, `test`, ...; undefined for `remote`, where the server chooses. */
  readonly driver: string | undefined;
  readonly transport: TransportName;
  /** Whether the transport was named (`test+unix:///`), not implied (`test:///`). */
  readonly transportNamed: boolean;
  readonly user: string | undefined;
  /** Without the brackets of an IPv6 address; undefined means this machine. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: string;
  readonly parameters: Parameters;
  /** What the server is asked to open: the URI without transport, host and the parameters used here. */
  readonly serverUri: string;
}

const URI =
  /^(?<scheme>[a-z][a-z0-9+.-]*):(?:\/\/(?<authority>[^/?#]*))?(?<path>[^?#]*)(?:\?(?<query>[^#]*))?(?<fragment>#.*)?$/i;
const AUTHORITY = /^(?:(?<user>[^@]*)@)?(?<host>\[[0-9a-f:.%]+\]|[^:@[\]]*)(?::(?<port>\d*))?$/i;
const NOT_PRINTABLE = /[\u0000-\u0020\u007f]/;
const TRANSPORTS: ReadonlySet<string> = new Set(['unix', 'tcp', 'tls', 'ssh', 'ext']);
const LIBSSH: ReadonlySet<string> = new Set(['libssh', 'libssh2']);

/** Takes a URI apart. @throws UriError that says what is wrong with it */
export function parseUri(text: string): LibvirtUri {
  const { scheme = '', authority, path = '', query = '', fragment = '' } = match(URI, text, text, FORM);
  const { user, host, port } = match(
    AUTHORITY,
    authority ?? '',
    text,
    'the part after // must be [user@]host[:port]',
  );
  const [driver = '', ...rest] = scheme.split('+');
  const named = rest.length > 0 ? rest.join('+').toLowerCase() : undefined;
  const bare = unbracketed(decoded(host, text));
  const transport = transportOf(named, bare, text);
  const { parameters, passedOn } = parseQuery(query, text, transport);
  return {
    driver: driver === 'remote' ? undefined : driver,
    transport,
    transportNamed: named !== undefined,
    user: decoded(user, text),
    host: bare,
    port: portOf(port, text),
    path: decoded(path, text) ?? '',
    parameters,
    serverUri: parameters.name ?? serverUri(driver, path, passedOn, fragment),
  };
}

const FORM = 'expected driver[+transport]://[user@][host][:port]/path, qemu:///system for instance';

function match(form: RegExp, part: string, whole: string, why: string): Record<string, string | undefined> {
  const groups = NOT_PRINTABLE.test(part) ? undefined : form.exec(part)?.groups;
  if (groups === undefined) throw new UriError(whole, why);
  return groups;
}

/** undefined for what is not there or empty. */
function decoded(part: string | undefined, whole: string): string | undefined {
  if (part === undefined || part === '') return undefined;
  try {
    const text = decodeURIComponent(part);
    if (!/[\u0000-\u001f\u007f]/.test(text)) return text;
  } catch {
    // Falls through to the same answer.
  }
  throw new UriError(whole, `bad percent-encoding in ${JSON.stringify(part)}`);
}

const unbracketed = (host: string | undefined): string | undefined => host?.replace(/^\[(.*)\]$/, '$1');

function portOf(port: string | undefined, whole: string): number | undefined {
  // libvirt takes port 0 for none given.
  const number = Number(port ?? 0);
  if (number > 65_535) throw new UriError(whole, `there is no port ${port}`);
  return number === 0 ? undefined : number;
}

function transportOf(named: string | undefined, host: string | undefined, whole: string): TransportName {
  if (named === undefined) return host === undefined ? 'unix' : 'tls';
  if (LIBSSH.has(named))
    throw new UriError(
      whole,
      `the transport ${named} is not built in; +ssh does the same with the system's ssh`,
    );
  if (!TRANSPORTS.has(named))
    throw new UriError(whole, `no transport ${named}; there are unix, tcp, tls, ssh, ext`);
  if (named === 'unix' && host !== undefined)
    throw new UriError(
      whole,
      `a unix socket is on this machine, not on ${host}; leave the host out or take +ssh or +tls`,
    );
  return named as TransportName;
}

function serverUri(driver: string, path: string, query: string, fragment: string): string {
  if (driver === 'remote') return '';
  return `${driver}://${path}${query === '' ? '' : `?${query}`}${fragment}`;
}
