/** libvirt's `auth.conf`: which account to use with which server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TransportError } from '../errors.ts';
import { type Surroundings, userConfigDir } from '../uri/surroundings.ts';
import type { Credentials } from './credentials.ts';

/** Sections of a key file: `[name]` and `key=value` lines. */
export type KeyFile = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Reads a key file as GLib does; a section given twice is one. @throws TransportError naming the line */
export function parseKeyFile(text: string, path: string): KeyFile {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const name = /^\[([^\][]+)\]$/.exec(line)?.[1];
    const [, key, value] = KEY.exec(raw.replace(/^[ \t]+|\r$/g, '')) ?? [];
    if (name !== undefined) {
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
    } else if (key !== undefined && value !== undefined && section !== undefined)
      section.set(key, unescaped(value));
    else throw new TransportError('AUTH', `${path} line ${index + 1} is neither [section] nor key=value`);
  }
  return sections;
}

/** `key=value` or `key[locale]=value`; spaces may stand inside of a key, but not around it. */
const KEY = /^([^=[\] \t](?:[^=[\]]*[^=[\] \t])?(?:\[[^=[\]]*\])?)[ \t]*=[ \t]*(.*)$/;

/** GLib's escapes. */
const ESCAPES: Readonly<Record<string, string>> = { s: ' ', n: '\n', t: '\t', r: '\r', '\\': '\\' };
const unescaped = (value: string): string =>
  value.replace(/\\(.)/g, (whole, char: string) => ESCAPES[char] ?? whole);

/** The account for a service and host: section `auth-SERVICE-HOST`, else `auth-SERVICE-default`, names `credentials-NAME`. */
export function accountIn(
  file: KeyFile,
  path: string,
  service: string,
  host: string,
): Credentials | undefined {
  const names = [`auth-${service}-${host}`, `auth-${service}-default`];
  const group = names.find((name) => file.has(name));
  if (group === undefined) return undefined;
  const credentials = file.get(group)?.get('credentials');
  if (credentials === undefined) throw broken(path, `section ${group} has no line credentials=NAME`);
  const account = file.get(`credentials-${credentials}`);
  if (account === undefined)
    throw broken(path, `section ${group} names credentials-${credentials}, which is not there`);
  return complete(account, path, `credentials-${credentials}`);
}

function complete(account: ReadonlyMap<string, string>, path: string, section: string): Credentials {
  const authname = account.get('authname');
  const password = account.get('password');
  if (authname === undefined || password === undefined)
    throw broken(path, `section ${section} needs both authname= and password=`);
  return { authname, password };
}

const broken = (path: string, what: string): TransportError => new TransportError('AUTH', `${path}: ${what}`);

/** Where auth.conf may be; the first that exists is read and no other. What was named must exist. */
export function authConfPlaces(
  authfile: string | undefined,
  surroundings: Surroundings,
): { readonly path: string; readonly named: boolean }[] {
  const named = surroundings.env['LIBVIRT_AUTH_FILE'] ?? authfile;
  if (named !== undefined) return [{ path: named, named: true }];
  return [
    { path: join(userConfigDir(surroundings), 'auth.conf'), named: false },
    { path: '/etc/libvirt/auth.conf', named: false },
  ];
}

/** The account that auth.conf gives for this server, if any. */
export async function accountFromAuthConf(
  authfile: string | undefined,
  service: string,
  host: string,
  surroundings: Surroundings,
): Promise<Credentials | undefined> {
  for (const { path, named } of authConfPlaces(authfile, surroundings)) {
    const text = await readAuthConf(path, named);
    if (text !== undefined) return accountIn(parseKeyFile(text, path), path, service, host);
  }
  return undefined;
}

async function readAuthConf(path: string, named: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !named) return undefined;
    throw new TransportError('AUTH', `${path} cannot be read: ${String(error)}`, { cause: error });
  }
}

/** The text of an auth.conf with one account for one server (`default` for any). @throws TypeError on what cannot be written */
export function formatAuthConf(account: Credentials, host: string): string {
  for (const [what, value] of Object.entries({ host, ...account }))
    if (value === '' || /[\u0000-\u001f\u007f]/.test(value))
      throw new TypeError(`${what} must be one line of text that is not empty`);
  if (/[[\]]/.test(host)) throw new TypeError('a host in auth.conf has no brackets');
  return [
    '[credentials-gantry]',
    `authname=${escaped(account.authname)}`,
    `password=${escaped(account.password)}`,
    '',
    `[auth-libvirt-${host}]`,
    'credentials=gantry',
    '',
  ].join('\n');
}

/** GLib drops spaces at the beginning of a value unless escaped. */
const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replace(/^ +/, (s) => '\\s'.repeat(s.length));
