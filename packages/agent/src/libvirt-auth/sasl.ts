/** SASL: an account of libvirt's own (SCRAM-SHA-256), kept where libvirt's clients look for it. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountIn, type Credentials, parseKeyFile } from '@gantry/libvirt';
import { err } from '@gantry/model';
import { type Change, fileChange, readIfThere } from './change.ts';
import { authChange, type Daemon, refusal, restartChange } from './daemon.ts';
import { as, requireProgram, type ServiceUser } from './service-user.ts';
import { saslSetting, withAccount, withDatabase, withMechanism } from './texts.ts';

export const SASL_CONF = '/etc/sasl2/libvirt.conf';
const DATABASE = '/etc/libvirt/passwd.db';
const DEFAULT_NAME = 'gantry';
const PASSWORD_BYTES = 24;

export interface SaslWish {
  daemon: Daemon;
  user: ServiceUser;
  /** Name of the account; that of the one there is, else `gantry`. */
  account?: string;
  /** A file in auth.conf's form with the account; without it a password is made up. */
  credentialsFile?: string;
}

/** The mechanism first and the demand for it last: a run that is cut short locks nobody out. @throws GantryError */
export async function planSasl(wish: SaslWish): Promise<Change[]> {
  await requireProgram('saslpasswd2', 'sasl2-bin libsasl2-modules libsasl2-modules-db');
  const { daemon, user } = wish;
  const saslBefore = await readIfThere(SASL_CONF);
  const saslText = withDatabase(withMechanism(saslBefore ?? ''), DATABASE);
  const authPath = join(user.home, '.config', 'libvirt', 'auth.conf');
  const authBefore = await as(user, () => readIfThere(authPath));
  const account = await accountFor(wish, authPath, authBefore);
  const files = [
    ...fileChange(SASL_CONF, saslBefore, saslText),
    ...authConfChange(authPath, authBefore, account, user),
  ];
  const demand = await authChange(daemon, 'sasl');
  if (files.length + demand.length === 0 && (await refusal(daemon, user, 'sasl')) === undefined) return [];
  const database = saslSetting(saslText, 'sasldb_path') ?? DATABASE;
  return [...files, { kind: 'account', database, account }, ...demand, ...(await restartChange(daemon))];
}

function authConfChange(
  path: string,
  before: string | undefined,
  account: Credentials,
  user: ServiceUser,
): Change[] {
  const known = before === undefined ? undefined : existing(before, path);
  const same = known?.authname === account.authname && known.password === account.password;
  const only = { mode: 0o600, owner: user };
  return same ? [] : fileChange(path, before, withAccount(before ?? '', path, account), only);
}

const existing = (text: string, path: string): Credentials | undefined =>
  accountIn(parseKeyFile(text, path), path, 'libvirt', 'localhost');

async function accountFor(
  { account: name, credentialsFile }: SaslWish,
  path: string,
  before: string | undefined,
): Promise<Credentials> {
  const known = before === undefined ? undefined : existing(before, path);
  const given = credentialsFile === undefined ? undefined : await readCredentials(credentialsFile);
  const kept = given ?? (name === undefined || name === known?.authname ? known : undefined);
  const account = kept ?? {
    authname: name ?? DEFAULT_NAME,
    password: randomBytes(PASSWORD_BYTES).toString('base64url'),
  };
  const wanted = name ?? account.authname;
  // It becomes an argument of saslpasswd2, and a line of auth.conf.
  if (account.authname !== wanted || !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(wanted))
    throw err('invalid_argument', {
      what: `the account ${JSON.stringify(account.authname.slice(0, 64))}`,
      wanted: account.authname === wanted ? 'letters, digits, and _ . -' : `the wanted ${wanted}`,
    });
  return account;
}

async function readCredentials(path: string): Promise<Credentials> {
  try {
    const account = existing(await readFile(path, 'utf8'), path);
    if (account !== undefined) return account;
    throw new Error('it has no section [auth-libvirt-localhost] or [auth-libvirt-default]');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw err('invalid_argument', { what: path, wanted: `a file like libvirt’s auth.conf: ${why}` }, error);
  }
}
