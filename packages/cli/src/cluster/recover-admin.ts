/** `cluster recover-admin`: who is root on the controller's machine can read the store; so he may have a token of an administrator. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { err } from '@gantry/model';
import { localContext, readConfig, writeConfig } from '../config.ts';
import type { Session } from '../session.ts';
import { ensureAccount } from './account.ts';
import { programsFor } from './daemons.ts';
import { writeDurably } from './files.ts';
import { type Layout, type Settings, settingsOf } from './layout.ts';
import { alone } from './machine-lock.ts';
import { serverVerb } from './server-verb.ts';
import { startDaemons, stopServer } from './start.ts';

interface Recovered {
  user: string;
  token: string;
  secret: string;
  changed: string[];
}

/** The controller stands still for a moment; guests and agents go on. @throws GantryError `host_unfit`, `machine_busy` */
export async function recoverAdmin(session: Session, layout: Layout): Promise<void> {
  if (process.getuid?.() !== 0)
    throw err('host_unfit', { why: 'it lacks the rights of root', remedy: 'Run it as root.' });
  // it is written at the end
  readConfig(session.io.env);
  await session.confirm('Stop the controller for a moment and make a new token of the user admin?');
  const made = await alone(layout, () => recover(layout, settingsOf(layout)));
  remember(session, layout, made.secret);
  for (const change of made.changed) session.note(`user ${made.user} was ${change}`);
  session.note(
    `token ${made.token} of user ${made.user} is kept in ${layout.adminToken}, and used by this command`,
  );
  session.note('If the others may be in foreign hands: gantry token list, gantry token revoke NAME');
  const { user, token, changed } = made;
  await session.out.done('cluster.recover-admin', { user, token, changed, file: layout.adminToken }, token);
}

async function recover(layout: Layout, settings: Settings): Promise<Recovered> {
  const owner = await ensureAccount(layout.state);
  await stopServer(layout, settings);
  try {
    const made = await serverVerb<Recovered>(programsFor(owner, layout), owner, {
      verb: 'recover',
      state: layout.state,
      failed: 'no token could be made',
      input: JSON.stringify({ by: whoAsks() }),
    });
    writeDurably(layout.adminToken, `${made.secret}\n`, 0o600);
    return made;
  } finally {
    await startDaemons(layout, settings);
  }
}

/** What `sudo` and `su` do not change: the user who logged in, as the kernel keeps him. (man 5 proc, /proc/pid/loginuid) */
export function whoAsks(read: () => string = () => readFileSync('/proc/self/loginuid', 'utf8')): string {
  const { username } = userInfo();
  const login = loginUid(read);
  return login === undefined || login === 0 ? username : `${username} (login uid ${login})`;
}

const NOBODY = 2 ** 32 - 1;

function loginUid(read: () => string): number | undefined {
  try {
    const text = read().trim();
    const uid = /^\d{1,10}$/.test(text) ? Number(text) : NOBODY;
    return uid === NOBODY ? undefined : uid;
  } catch {
    return undefined;
  }
}

/** The context of this cluster gets the new one; others, and which is current, stay. */
function remember(session: Session, layout: Layout, token: string): void {
  const { name } = settingsOf(layout);
  const { env } = session.io;
  const { contexts, current } = readConfig(env);
  const { url } = localContext(layout.state);
  if (Object.hasOwn(contexts, name) && contexts[name]?.url !== url) return;
  const chosen = current ?? name;
  writeConfig(env, { current: chosen, contexts: { ...contexts, [name]: { url, token } } });
}
