/** Which clusters the user knows: contexts in $XDG_CONFIG_HOME/gantry/config.json, readable by him alone. */
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { readTokenFile, socketOf } from '@gantry/client';
import { err, type GantryError, similar } from '@gantry/model';

export interface Context {
  /** `unix:/path` or http(s) address. */
  url: string;
  token?: string;
  /** PEM of the cluster's certificate authority, for https. */
  ca?: string;
}
export interface Config {
  current?: string;
  contexts: Record<string, Context>;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Where `cluster init` puts the cluster of this machine unless told otherwise. */
export const DEFAULT_STATE = '/var/lib/gantry';

export function configPath(env: Env): string {
  if (env['GANTRY_CONFIG']) return env['GANTRY_CONFIG'];
  const base = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return join(base, 'gantry', 'config.json');
}

/** @throws GantryError `invalid_argument` when the file is no such configuration */
export function readConfig(env: Env): Config {
  const path = configPath(env);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { contexts: {} };
    throw unreadable(path, (error as Error).message);
  }
  return parseConfig(path, text);
}

function parseConfig(path: string, text: string): Config {
  let value: Partial<Config> | null;
  try {
    value = JSON.parse(text) as Partial<Config> | null;
  } catch (error) {
    throw unreadable(path, (error as Error).message);
  }
  const contexts = value?.contexts;
  if (typeof contexts !== 'object' || contexts === null) throw unreadable(path, 'it names no contexts');
  for (const [name, context] of Object.entries(contexts)) {
    if (typeof context?.url !== 'string') throw unreadable(path, `context ${name} has no url`);
    for (const key of ['token', 'ca'] as const)
      if (context[key] !== undefined && typeof context[key] !== 'string')
        throw unreadable(path, `the ${key} of context ${name} is no text`);
  }
  return { contexts, ...(typeof value?.current === 'string' ? { current: value.current } : {}) };
}

/** Whole or not at all, and never readable by others: it holds tokens. */
export function writeConfig(env: Env, config: Config): void {
  const path = targetOf(configPath(env));
  const draft = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    rmSync(draft, { force: true });
    // a new file: one that somebody laid there, or a link to elsewhere, gets no token
    writeFileSync(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A plain word, no property that all objects have. @throws GantryError `invalid_argument` */
export function contextName(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,62}$/i.test(name)) return name;
  throw err('invalid_argument', {
    what: `the name ${JSON.stringify(name.slice(0, 80))}`,
    wanted: 'letters, digits, dots, hyphens and underscores, at most 63',
  });
}

/** A link stays one: people keep such files elsewhere. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/**
 * The cluster to speak with: the named context, GANTRY_ENDPOINT, the current context, or the one on this machine.
 * GANTRY_TOKEN replaces the token of any of them.
 * @throws GantryError `not_found` for a context that does not exist, `invalid_argument` where a token is none,
 *   `foreign_socket` where it would go to somebody else
 */
export function resolveContext(
  env: Env,
  wanted: string | undefined,
): Omit<Context, 'ca'> & { name?: string; tls?: { ca: string } } {
  const token = env['GANTRY_TOKEN'];
  const { ca, ...context } = contextWithoutToken(env, wanted);
  const chosen = { ...context, ...(token ? { token } : {}) };
  if (chosen.token !== undefined) requireSafe({ ...chosen, token: chosen.token });
  return { ...chosen, ...(ca ? { tls: { ca } } : {}) };
}

/** Before a token goes there. @throws GantryError `invalid_argument`, `foreign_socket` */
export function requireSafe({ url, token }: { url: string; token: string }): void {
  if (!/^[\x21-\x7e]{1,512}$/.test(token))
    throw err('invalid_argument', {
      what: 'the token',
      wanted: 'one line of visible characters, at most 512',
    });
  const socket = socketOf(url);
  if (socket !== undefined) requireControllers(socket);
}

/**
 * Its folder may be written by all who may use the socket. While no controller runs, one of them could put a socket of his own in
 * its place and be shown root's token: so it must be the controller's, whose store lies beside it, or root's, or one's own.
 */
function requireControllers(path: string): void {
  const socket = lstatSync(path, { throwIfNoEntry: false });
  if (!socket) return;
  const store = statSync(join(dirname(dirname(path)), 'controller'), { throwIfNoEntry: false });
  if ([0, process.getuid?.(), store?.uid].includes(socket.uid)) return;
  throw err('foreign_socket', { path, uid: socket.uid });
}

function contextWithoutToken(env: Env, wanted: string | undefined): Context & { name?: string } {
  if (wanted === undefined && env['GANTRY_ENDPOINT']) return { url: env['GANTRY_ENDPOINT'] };
  const config = readConfig(env);
  const name = wanted ?? config.current;
  if (name === undefined) return localContext(DEFAULT_STATE);
  const context = Object.hasOwn(config.contexts, name) ? config.contexts[name] : undefined;
  if (!context) throw noSuchContext(config.contexts, name);
  return { ...context, name };
}

export const noSuchContext = (contexts: Config['contexts'], name: string): GantryError =>
  err('not_found', { kind: 'context', name, similar: similar(name, Object.keys(contexts)).join(', ') });

/** The cluster whose state lies in this folder. @throws GantryError `foreign_socket` */
export function localContext(state: string): Context {
  const token = readTokenFile(join(state, 'admin-token'));
  const url = `unix:${join(state, 'run', 'api.sock')}`;
  if (token) requireSafe({ url, token });
  return { url, ...(token ? { token } : {}) };
}

const unreadable = (path: string, why: string) =>
  err('invalid_argument', { what: `the configuration ${path}`, wanted: `readable: ${why}` });
