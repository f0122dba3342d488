/** Keeps the list of revoked certificates on this node as the controller has it. */
import { isGantryError } from '@gantry/model';
import type { Env } from '../env.ts';

/** A removed node's certificate opens libvirt's door for so long; one answer is a few hundred bytes. */
const LOOK_MS = 30_000;
/** Without a door for other machines the controller has no authority. */
const SELDOM_MS = 3_600_000;

export interface RevocationParts {
  env: Pick<Env, 'log'> & { clock: Pick<Env['clock'], 'sleep'> };
  fetch(signal: AbortSignal): Promise<string>;
  install(crl: string): Promise<void>;
}

/** Where the controller cannot be asked the list that is there goes on. */
export async function keepRevocations(
  { env, fetch, install }: RevocationParts,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const waitMs = await fetch(signal)
      .then(install)
      .then(() => LOOK_MS)
      .catch((error: unknown) => {
        signal.throwIfAborted();
        const alone = isGantryError(error, 'not_joinable');
        const expected = alone || isGantryError(error, 'api_unreachable');
        const told = { error: String(error) };
        env.log(expected ? 'debug' : 'warn', 'revoked certificates could not be asked for', told);
        return alone ? SELDOM_MS : LOOK_MS;
      });
    await env.clock.sleep(waitMs, signal);
  }
}
