/** Certificates are renewed by themselves, long before they end; the connection then goes on with the new ones. */
import { isGantryError, type NodeCertificates, type SigningRequests } from '@gantry/model';
import type { Env } from '../env.ts';
import { type Identity, type IdentityFiles, renewAtMs } from './identity-files.ts';

const LOOK_MS = 3_600_000;
const RETRY_MS = 60_000;

export interface RenewalParts {
  env: Pick<Env, 'log'> & { clock: Pick<Env['clock'], 'now' | 'sleep'> };
  files: Pick<IdentityFiles, 'current' | 'prepare' | 'adopt'>;
  /** Asks the controller for certificates. */
  certify(requests: SigningRequests, signal: AbortSignal): Promise<NodeCertificates>;
  /** What goes on with an identity: the one of the start, and each new one. */
  use(identity: Identity): Promise<void>;
  /** Of the controller's own node, which is known by a token: under what name it asks for its first certificates. */
  first?: { name: string; api: string };
}

export async function keepIdentity(parts: RenewalParts, signal: AbortSignal): Promise<void> {
  const { env, files } = parts;
  const present = await files.current();
  if (present) await parts.use(present);
  while (!signal.aborted) {
    const waitMs = await renewIfDue(parts, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      const expected = isGantryError(error, 'not_joinable') || isGantryError(error, 'api_unreachable');
      env.log(expected ? 'debug' : 'warn', 'certificates could not be renewed', { error: String(error) });
      return isGantryError(error, 'not_joinable') ? LOOK_MS : RETRY_MS;
    });
    await env.clock.sleep(waitMs, signal);
  }
}

async function renewIfDue(parts: RenewalParts, signal: AbortSignal): Promise<number> {
  const { env, files, first } = parts;
  const present = await files.current();
  const about = present ?? first;
  if (!about || (present && env.clock.now() < renewAtMs(present))) return LOOK_MS;
  const issued = await parts.certify(await files.prepare(signal), signal);
  const renewed = await files.adopt(about.name, about.api, issued);
  env.log('info', present ? 'certificates were renewed' : 'certificates were obtained');
  await parts.use(renewed);
  return LOOK_MS;
}
