/**
 * What the machine's resolver says of a name: `getent`, which reads what the system is told to read (hosts file, DNS), and
 * can be killed. A lookup inside of Node.js cannot, and holds one of its few threads for as long as a dead DNS lasts.
 */
import { spawn } from 'node:child_process';
import { isIP } from 'node:net';
import { text } from 'node:stream/consumers';

/** Of a lookup: it is asked for beside other work of a create, which must not wait for a dead DNS. */
const LIMIT_MS = 250;
/** The hosts file is there; only a machine with much else to do needs longer than a few ms to read it. */
const FILE_LIMIT_MS = 10_000;
/** After one that took too long only the hosts file is read: nobody is made to wait for the dead one again. */
const REST_MS = 30_000;

/**
 * @param getent the program
 * @returns addresses in canonical text, without loopback and link-local ones; none where it cannot tell: it never rejects
 */
export function resolver(now: () => number = () => performance.now(), getent = 'getent') {
  let restsUntil = Number.NEGATIVE_INFINITY;
  return async (name: string): Promise<readonly string[]> => {
    const words = ['ahosts', '--', name];
    if (now() >= restsUntil) {
      const { addresses, late } = await lookUp([getent, ...words], LIMIT_MS);
      if (!late) return addresses;
      restsUntil = now() + REST_MS;
    }
    return (await lookUp([getent, '-s', 'hosts:files', ...words], FILE_LIMIT_MS)).addresses;
  };
}

async function lookUp(
  argv: readonly [string, ...string[]],
  limitMs: number,
): Promise<{ addresses: string[]; late: boolean }> {
  const child = started(argv, limitMs);
  if (child === undefined) return { addresses: [], late: false };
  const ended = new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false)).once('close', (_code, signal) => resolve(signal === 'SIGKILL'));
  });
  const [said, late] = await Promise.all([text(child.stdout).catch(() => ''), ended]);
  return { addresses: late ? [] : parseAhosts(said), late };
}

/** Undefined where it cannot be: most failures are told later, but not all, that there is no memory for one. */
function started([program, ...args]: readonly [string, ...string[]], limitMs: number) {
  try {
    return spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
  } catch {
    return undefined;
  }
}

/** `192.0.2.7      STREAM web1`, a line for each kind of socket. */
export function parseAhosts(said: string): string[] {
  const addresses = said.split('\n').map((line) => (line.split(/\s+/)[0] ?? '').replace(MAPPED, ''));
  return [...new Set(addresses)].filter((address) => isIP(address) !== 0 && !isLocal(address));
}

/** getent writes IPv4 so where the machine has IPv6 addresses only. */
const MAPPED = /^::ffff:(?=.*\.)/;
/** Of this machine or of one wire: no name of an instance. */
const isLocal = (address: string): boolean => /^(127\.|::1$|fe80:)|%/.test(address);
