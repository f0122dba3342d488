/** Whether a mirror answers and has the suite, found out in seconds instead of in debootstrap's many retries. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { err } from '@gantry/model';
import type { DebootstrapParameters } from './parameters.ts';

const TIMEOUT_MS = 15_000;
const MAX_REDIRECTS = 5;

/** @throws GantryError `mirror_unreachable` */
export async function checkMirror(
  { mirror, suite, proxy }: Pick<DebootstrapParameters, 'mirror' | 'suite' | 'proxy'>,
  signal: AbortSignal,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const fail = (why: string, cause?: unknown) => err('mirror_unreachable', { mirror, why }, cause);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  for (const file of ['InRelease', 'Release']) {
    const url = new URL(`${mirror}/dists/${suite}/${file}`);
    if (proxy !== undefined && url.protocol === 'https:') return; // would need a tunnel; debootstrap makes its own
    const status = await head(url, proxy, limit).catch((error: unknown) => {
      signal.throwIfAborted();
      const why = limit.aborted ? `no answer within ${timeoutMs / 1000} s` : (error as Error).message;
      throw fail(why, error);
    });
    if (status === 200) return;
    if (status !== 404) throw fail(`it answers ${status} for ${url.pathname}`);
  }
  throw fail(`it has no suite ${suite}`);
}

async function head(
  url: URL,
  proxy: string | undefined,
  signal: AbortSignal,
  redirects = 0,
): Promise<number> {
  const { status, location } = await new Promise<{ status: number; location: string | undefined }>(
    (resolve, reject) => {
      const options = { method: 'HEAD', signal, agent: false } as const;
      const request = proxy
        ? httpRequest(proxy, { ...options, path: url.href, headers: { host: url.host } })
        : (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options);
      request.on('response', (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, location: response.headers.location });
      });
      request.on('error', reject);
      request.end();
    },
  );
  if (status < 300 || status >= 400 || location === undefined || redirects === MAX_REDIRECTS) return status;
  const next = new URL(location, url);
  if (!/^https?:$/.test(next.protocol)) return status;
  return head(next, proxy, signal, redirects + 1);
}
