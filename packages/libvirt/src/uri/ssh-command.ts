import type { LibvirtUri } from './uri.ts';
import { UriError } from './uri-error.ts';

/** One word of a POSIX shell, whatever is in it. ssh has no argument vector: the far end gets a line for its shell. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The argument vector that virsh runs for the same URI. */
export function sshArgv(uri: LibvirtUri, command: string): string[] {
  const { command: ssh = 'ssh', keyfile, noTty, noVerify } = uri.parameters;
  return [
    ssh,
    ...(uri.port === undefined ? [] : ['-p', String(uri.port)]),
    ...(uri.user === undefined ? [] : ['-l', uri.user]),
    ...(keyfile === undefined ? [] : ['-i', keyfile]),
    // No terminal and no escape character: the bytes must pass unchanged.
    ...['-T', '-e', 'none'],
    ...(noTty ? ['-o', 'BatchMode=yes'] : []),
    ...(noVerify ? ['-o', 'StrictHostKeyChecking=no'] : []),
    ...['--', uri.host ?? 'localhost', command],
  ];
}

/** What is to be reached at the far end. */
interface FarEnd {
  /** The daemon's, for a netcat. */
  readonly socket: string;
  readonly readOnly: boolean;
  /** A user's own daemon. */
  readonly own: boolean;
}

/**
 * What runs at the far end: virt-ssh-helper, which finds the daemon's socket by itself, or netcat on a socket named from
 * here. A `netcat` or `socket` in the URI asks for the second. Where a user's own daemon listens only the far end
 * knows: unless the URI says it, there is no netcat to fall back on.
 * @throws UriError
 */
export function remoteCommand(uri: LibvirtUri, { socket, readOnly, own }: FarEnd): string {
  const { netcat, socket: named } = uri.parameters;
  const proxy =
    own && named === undefined && uri.parameters.proxy === 'auto' ? 'native' : uri.parameters.proxy;
  if (proxy === 'native' && netcat !== undefined)
    throw new UriError(
      uri.serverUri,
      'netcat is not used where virt-ssh-helper is (proxy=native, or a session of one’s own without socket); leave one of them out',
    );
  const native = `virt-ssh-helper ${readOnly ? '-r ' : ''}${shellWord(uri.serverUri)}`;
  const viaNetcat = netcatScript(netcat ?? 'nc', socket);
  if (proxy === 'native') return native;
  const script =
    proxy === 'netcat' || netcat !== undefined || named !== undefined
      ? viaNetcat
      : `if command -v virt-ssh-helper >/dev/null 2>&1; then exec ${native}; else ${viaNetcat}; fi`;
  // The login shell at the far end may be none of POSIX.
  return `sh -c ${shellWord(script)}`;
}

/** Some netcats stay after the end of their input unless told -q0, and others do not know it. */
function netcatScript(netcat: string, socket: string): string {
  const [nc, path] = [shellWord(netcat), shellWord(socket)];
  return `if ${nc} -q 2>&1 | grep -q "requires an argument"; then exec ${nc} -q0 -U ${path}; else exec ${nc} -U ${path}; fi`;
}
