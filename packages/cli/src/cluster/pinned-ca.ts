/** The certificate of a cluster's authority, fetched from whoever answers and believed only if it is the expected one. */
import { err } from '@gantry/model';
import { sha256 } from '../sha256.ts';

const LIMIT_BYTES = 64 * 1024;
const TIMEOUT_MS = 15_000;

/** 64 hexadecimal digits of SHA-256, with `sha256:` before them or colons between. @throws GantryError `invalid_argument` */
export function parseFingerprint(text: string): Buffer {
  const hex = text
    .replace(/^sha256:/i, '')
    .replaceAll(':', '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return Buffer.from(hex, 'hex');
  throw err('invalid_argument', {
    what: `the fingerprint ${JSON.stringify(text.slice(0, 100))}`,
    wanted: '64 hexadecimal digits, as `gantry cluster show` prints them on the cluster',
  });
}

/** `https://HOST:PORT` and nothing else. @throws GantryError `invalid_argument` */
export function parseServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/' && !url.search && !url.hash && !url.username)
    return url.origin;
  throw err('invalid_argument', {
    what: `the server ${JSON.stringify(text.slice(0, 200))}`,
    wanted: 'https://HOST:PORT',
  });
}

/**
 * PEM. Nothing secret is sent before it is known who answers.
 * @throws GantryError `untrusted_server`, `api_unreachable`
 */
export async function fetchPinnedCa(server: string, fingerprint: Buffer): Promise<string> {
  const pem = await fetchUnchecked(`${server}/ca.pem`);
  const found = sha256(pem);
  if (found.equals(fingerprint)) return pem;
  throw err('untrusted_server', { server, found: found.toString('hex') });
}

function fetchUnchecked(url: string): Promise<string> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  // Not by `import`: every command would load TLS and more for it (measured: 18 ms).
  const { request } = process.getBuiltinModule('node:https');
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(unreachable(url, error));
    const asked = request(url, { rejectUnauthorized: false, agent: false, signal }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('error', failed);
      answer.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > LIMIT_BYTES) asked.destroy(new Error('it sends what is no certificate'));
      });
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve(text);
        else
          failed(new Error(`it answers ${answer.statusCode} for its certificate: no controller of Gantry`));
      });
    });
    asked.on('error', failed).end();
  });
}

const unreachable = (url: string, error: Error) =>
  err('api_unreachable', { endpoint: new URL(url).origin, why: error.message || String(error) }, error);
