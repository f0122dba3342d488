/** What setting up access to libvirt changes, as data: shown first, and carried out in this order. */
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Credentials } from '@gantry/libvirt';
import { writeDurably } from '../host/durable.ts';
import { run } from '../process/run.ts';
import { as, type ServiceUser } from './service-user.ts';

export type Change =
  /** Without a mode the file keeps its own, and a new one is readable for all. */
  | { kind: 'file'; path: string; text: string; mode?: number; owner?: ServiceUser }
  | { kind: 'account'; database: string; account: Credentials }
  | { kind: 'restart'; unit: string };

/** For people; no secret is in it. */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case 'file':
      return `write ${change.path}`;
    case 'account':
      return `set the password of ${change.account.authname} in ${change.database}`;
    default:
      return `restart ${change.unit} (guests run on)`;
  }
}

/** Each may be done again; whenever it is cut short, the next run plans what is left. */
export async function perform(change: Change): Promise<void> {
  switch (change.kind) {
    case 'file':
      return change.owner ? as(change.owner, () => write(change)) : write(change);
    case 'account':
      return setPassword(change.database, change.account);
    default:
      await run(['systemctl', 'try-restart', change.unit]);
  }
}

async function write({ path, text, mode }: Extract<Change, { kind: 'file' }>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const own = await stat(path).catch(() => undefined);
  await writeDurably(path, text, mode ?? (own ? own.mode & 0o777 : 0o644));
}

/** The password goes over standard input: command lines can be read by everybody. */
async function setPassword(database: string, { authname, password }: Credentials): Promise<void> {
  await run(['saslpasswd2', '-p', '-c', '-f', database, '-a', 'libvirt', authname], { stdin: password });
  await chmod(database, 0o600);
}

/** The text of a file, undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file as it shall be; nothing where it is so already. */
export const fileChange = (
  path: string,
  before: string | undefined,
  text: string,
  only: { mode?: number; owner?: ServiceUser } = {},
): Change[] => (before === text ? [] : [{ kind: 'file', path, text, ...only }]);
