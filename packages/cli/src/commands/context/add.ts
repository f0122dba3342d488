import { statSync } from 'node:fs';
import { text as allOf } from 'node:stream/consumers';
import { Client } from '@gantry/client';
import { err, version } from '@gantry/model';
import { fetchPinnedCa, parseFingerprint, parseServer } from '../../cluster/pinned-ca.ts';
import { type Context, contextName, readConfig, writeConfig } from '../../config.ts';
import type { Given } from '../../given.ts';
import { readText } from '../../parse.ts';
import type { Session } from '../../session.ts';
import { sha256 } from '../../sha256.ts';
import type { Verb } from '../../verb.ts';

export const contextAdd: Verb = {
  words: 'context add',
  summary: 'know a cluster on another machine: its address, its authority, your token',
  details:
    'The authority’s certificate is fetched and believed only if it has the fingerprint; then the token is tried. Both are kept in\n' +
    'the configuration, which only you can read. `gantry cluster show` on the cluster prints address and fingerprint.\n' +
    'The token comes from the file, from standard input (-), or else from GANTRY_TOKEN: never from a command line.',
  arguments: [{ name: 'NAME', description: 'name of the context' }],
  flags: [
    { flags: '--server <url>', description: 'the controller, https://HOST:PORT', required: true },
    { flags: '--fingerprint <sha256>', description: 'of the certificate of its authority', required: true },
    { flags: '--token-file <file>', description: 'file with the token, - for standard input' },
    { flags: '--use', description: 'speak with it from now on' },
  ],
  examples: [
    'gantry context add lab --server https://10.0.0.1:7460 --fingerprint SHA256 --token-file token --use',
  ],
  async run(session, given) {
    const { env } = session.io;
    const name = contextName(given.arg(0, 'name'));
    requireFree(readConfig(env).contexts, name);
    const url = parseServer(given.text('server') ?? '');
    const fingerprint = parseFingerprint(given.text('fingerprint') ?? '');
    const token = await tokenOf(session, given);
    const ca = await fetchPinnedCa(url, fingerprint);
    const user = await userAt({ url, token, ca });
    // read again: somebody may have added another one meanwhile
    const { contexts, current } = readConfig(env);
    requireFree(contexts, name);
    const chosen = given.on('use') ? name : current;
    writeConfig(env, {
      contexts: { ...contexts, [name]: { url, token, ca } },
      ...(chosen === undefined ? {} : { current: chosen }),
    });
    const next = given.on('use') ? `commands now speak with ${name}` : `use it: gantry --cluster ${name} ...`;
    session.note(`context ${name}: ${url} as ${user}   ${next}`);
    await session.out.done('context.add', { context: name, url, user }, name);
  },
};

function requireFree(contexts: Record<string, Context>, name: string): void {
  if (Object.hasOwn(contexts, name)) throw err('name_taken', { kind: 'context', name });
}

/** @throws GantryError `usage`, `invalid_argument` */
async function tokenOf(session: Session, given: Given): Promise<string> {
  const file = given.text('tokenFile');
  const token = (await tokenText(session, file)).trim();
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw err('invalid_argument', {
    what: file === undefined ? 'GANTRY_TOKEN' : `what stands in ${file === '-' ? 'the input' : file}`,
    wanted: 'one token, and nothing else',
  });
}

async function tokenText(session: Session, file: string | undefined): Promise<string> {
  const { io } = session;
  if (file === '-') return await allOf(io.stdin as never);
  if (file !== undefined) {
    const content = readText(file);
    if ((statSync(file).mode & 0o077) !== 0)
      session.note(`notice: others can read ${file}: chmod 600 ${file}`);
    return content;
  }
  const token = io.env['GANTRY_TOKEN'];
  if (token) return token;
  throw err('usage', { what: 'there is no token: --token-file FILE, or GANTRY_TOKEN' });
}

/** Who he is there, by what will be kept. */
async function userAt({ url, token, ca }: { url: string; token: string; ca: string }): Promise<string> {
  const client = new Client({ url, token, tls: { ca }, userAgent: `gantry/${version}` });
  try {
    const told = await client.call('whoami', {});
    return told.user?.name ?? told.token.name;
  } finally {
    client.close();
  }
}

export const fingerprintOf = (ca: string): string => sha256(ca).toString('hex');
