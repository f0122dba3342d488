import { remoteCommand, sshArgv } from './ssh-command.ts';
import { type Surroundings, userRuntimeDir } from './surroundings.ts';
import type { LibvirtUri } from './uri.ts';
import { UriError } from './uri-error.ts';

/** What to open to reach a server. Data only: nothing has been tried yet. */
export type Dial =
  /** The first of these sockets that exists. */
  | { readonly kind: 'unix'; readonly paths: readonly string[] }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'tls';
      readonly host: string;
      readonly port: number;
      readonly pkipath: string | undefined;
      readonly verify: boolean;
    }
  /** A program whose standard input and output lead to the server. */
  | { readonly kind: 'process'; readonly transport: 'ssh' | 'ext'; readonly argv: readonly string[] };

export const LIBVIRT_TLS_PORT = 16514;
export const LIBVIRT_TCP_PORT = 16509;

/** /var/run and not /run: beyond ssh there may be a system that has no /run. */
const SYSTEM_DIR = '/var/run/libvirt';

/** Where a URI leads, by virsh's rules. */
export function dialOf(uri: LibvirtUri, surroundings: Surroundings, readOnly = false): Dial {
  const { host = 'localhost', port, parameters } = uri;
  switch (uri.transport) {
    case 'unix':
      return { kind: 'unix', paths: socketPaths(uri, surroundings, readOnly) };
    case 'tcp':
      return { kind: 'tcp', host, port: port ?? LIBVIRT_TCP_PORT };
    case 'tls': {
      const { pkipath, noVerify } = parameters;
      return { kind: 'tls', host, port: port ?? LIBVIRT_TLS_PORT, pkipath, verify: !noVerify };
    }
    case 'ssh': {
      const own = isUserSession(uri, surroundings);
      const dir = own ? userRuntimeDir(surroundings) : SYSTEM_DIR;
      const socket = parameters.socket ?? legacySocket(dir, readOnly && !own);
      const argv = sshArgv(uri, remoteCommand(uri, { socket, readOnly, own }));
      return { kind: 'process', transport: 'ssh', argv };
    }
    default:
      return { kind: 'process', transport: 'ext', argv: [parameters.command ?? ''] };
  }
}

const legacySocket = (dir: string, readOnly: boolean): string =>
  `${dir}/libvirt-sock${readOnly ? '-ro' : ''}`;

/** A user other than root has a daemon of his own for `/session` and for a named transport to the test driver. */
export function isUserSession({ path, driver, transportNamed }: LibvirtUri, { uid }: Surroundings): boolean {
  return uid !== 0 && (path === '/session' || (driver === 'test' && transportNamed));
}

function socketPaths(uri: LibvirtUri, surroundings: Surroundings, readOnly: boolean): string[] {
  const { socket, mode } = uri.parameters;
  if (socket !== undefined) return [socket];
  const own = isUserSession(uri, surroundings);
  const dir = own ? userRuntimeDir(surroundings) : SYSTEM_DIR;
  // A user's own daemon has no second socket for reading only.
  const suffix = readOnly && !own ? '-sock-ro' : '-sock';
  const direct = uri.driver === undefined ? [] : [`${dir}/virt${checkedDriver(uri)}d${suffix}`];
  const legacy = [`${dir}/libvirt${suffix}`];
  if (mode === 'legacy') return legacy;
  // Without a driver the modular daemons answer through virtproxyd, on libvirtd's own socket.
  return mode === 'direct' ? (direct.length > 0 ? direct : legacy) : [...direct, ...legacy];
}

/** The driver becomes part of a path. */
function checkedDriver(uri: LibvirtUri): string {
  const { driver = '' } = uri;
  if (!/^[a-z0-9]+$/i.test(driver))
    throw new UriError(uri.serverUri, `no driver can be named ${JSON.stringify(driver)}`);
  return driver;
}
