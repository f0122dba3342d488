/** The system user that the controller runs as: it owns the store and nothing else. */
import type { Owner } from './files.ts';
import { run, succeeds } from './programs.ts';

export const USER = 'gantry';

/** The account, if it is there. */
export async function findAccount(): Promise<Owner | undefined> {
  const line = await succeeds('getent', ['passwd', USER]);
  const [, , uid, gid] = line?.trim().split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

/** Makes group and user where they are missing. */
export async function ensureAccount(home: string): Promise<Owner> {
  const remedy = `make a system user ${USER} by hand, then repeat the command`;
  if ((await succeeds('getent', ['group', USER])) === undefined)
    await run('groupadd', ['--system', USER], remedy);
  const known = await findAccount();
  if (known) return known;
  const args = [
    '--system',
    '--gid',
    USER,
    '--home-dir',
    home,
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    USER,
  ];
  await run('useradd', args, remedy);
  const made = await findAccount();
  if (!made) throw new Error(`useradd made no user ${USER}`);
  return made;
}
