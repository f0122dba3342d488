/** A list of revoked certificates, signed by OpenSSL from a database of its form (ca(1)) that lives for one call. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IssuedTo } from './issued.ts';
import { opensslOutput } from './openssl.ts';

const DAY_MS = 24 * 3_600_000;
/**
 * GnuTLS takes no list that is of the future, nor one past its end: nodes' clocks differ, and a controller may be away for
 * long. How new it is is not the date's to say: agents ask for it again and again.
 */
const [EARLIER_MS, LASTS_MS] = [DAY_MS, 3650 * DAY_MS];

/** @param folder of the authority: `ca.key` and `ca.pem` */
export async function revocationList(
  folder: string,
  revoked: readonly IssuedTo[],
  nowMs: number,
): Promise<string> {
  const work = await mkdtemp(join(folder, 'revoke-'));
  const file = (name: string) => join(work, name);
  try {
    const database = revoked.map(
      ({ serial, endsMs }) => `R\t${utc(endsMs)}\t${utc(nowMs)}\t${serial}\tunknown\t/CN=revoked\n`,
    );
    await writeFile(file('index'), database.join(''), { mode: 0o600 });
    await writeFile(file('number'), `${evenHex(nowMs)}\n`, { mode: 0o600 });
    await writeFile(file('config'), configuration(file('index'), file('number')), { mode: 0o600 });
    return await opensslOutput([
      ...['ca', '-gencrl', '-config', file('config')],
      ...['-keyfile', join(folder, 'ca.key'), '-cert', join(folder, 'ca.pem')],
      ...['-crl_lastupdate', general(nowMs - EARLIER_MS), '-crl_nextupdate', general(nowMs + LASTS_MS)],
    ]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const configuration = (database: string, crlnumber: string): string =>
  [
    '[ca]',
    'default_ca = gantry',
    '[gantry]',
    `database = ${quoted(database)}`,
    `crlnumber = ${quoted(crlnumber)}`,
    'default_md = sha256',
    'crl_extensions = extensions',
    '[extensions]',
    'authorityKeyIdentifier = keyid:always',
    '',
  ].join('\n');

/** A path is a value of OpenSSL's configuration, in which these have a meaning. */
const quoted = (path: string): string => path.replace(/[\\$#"'` ]/g, '\\$&');

/** YYYYMMDDHHMMSSZ */
const general = (ms: number): string => new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
/** YYMMDDHHMMSSZ, as the database has it. */
const utc = (ms: number): string => general(ms).slice(2);

function evenHex(value: number): string {
  const hex = value.toString(16).toUpperCase();
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}
