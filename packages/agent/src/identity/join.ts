/**
 * `gantry agent join --state DIR --api https://HOST:PORT --ca FILE --name NAME`: this machine becomes that node. The join
 * token comes in GANTRY_JOIN_TOKEN. Nothing is left of a refusal but keys, which the next try uses.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { Client } from '@gantry/client';
import { err, isGantryError } from '@gantry/model';
import { machineId } from '../host/facts.ts';
import { CERTIFICATES_TIMEOUT_MS } from '../link.ts';
import { type Identity, IdentityFiles } from './identity-files.ts';

export interface JoinOptions {
  state: string;
  api: string;
  /** File with the CA's certificate. */
  ca: string;
  name: string;
  token: string;
}

/** @throws GantryError `join_refused`, `api_unreachable`, `host_unfit` */
export async function join(options: JoinOptions, signal: AbortSignal): Promise<Identity> {
  const { state, api, name, token } = options;
  const files = new IdentityFiles(state);
  const present = await files.current();
  if (present && (await isKnown(present, signal))) {
    if (present.name === name) return present;
    throw err('join_refused', { node: name, why: `it is node ${present.name} of a cluster already` });
  }
  const machine = await machineId();
  if (!machine)
    throw err('host_unfit', { why: 'it has no /etc/machine-id', remedy: 'systemd-machine-id-setup' });
  await mkdir(joinPath(state, 'agent'), { recursive: true, mode: 0o711 });
  const requests = await files.prepare(signal);
  const client = new Client({ url: api, token, tls: { ca: await readFile(options.ca, 'utf8') } });
  try {
    const issued = await client.call(
      'joinNode',
      { body: { name, machine, requests } },
      { signal, timeoutMs: CERTIFICATES_TIMEOUT_MS },
    );
    return await files.adopt(name, api, issued);
  } catch (error) {
    if (!isGantryError(error, 'unauthenticated')) throw error;
    throw err('join_refused', { node: name, why: error.message }, error);
  } finally {
    client.close();
  }
}

/** Does its controller still know it by the certificate that it has? Where it cannot be asked it counts as known. */
async function isKnown({ api, ca, agent }: Identity, signal: AbortSignal): Promise<boolean> {
  if (!api.startsWith('https:')) return true;
  const client = new Client({ url: api, tls: { ca, ...agent } });
  try {
    await client.call('whoami', {}, { signal });
    return true;
  } catch (error) {
    return !isGantryError(error, 'certificate_needed') && !isGantryError(error, 'unauthenticated');
  } finally {
    client.close();
  }
}
