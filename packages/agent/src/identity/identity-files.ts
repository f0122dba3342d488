/**
 * Who this node is, on its disk: keys that never leave it, and the certificates for them, in one file that is replaced
 * as a whole. New keys are there before anybody is asked to certify them, so that after a crash the same are shown again.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeCertificates, SigningRequests } from '@gantry/model';
import { writeDurably } from '../host/durable.ts';
import { type Run, run as runProgram } from '../process/run.ts';
import { syncPath } from '../storage/durable.ts';

interface Pair {
  key: string;
  cert: string;
}

export interface Identity {
  name: string;
  node: string;
  cluster: string;
  /** Where the controller is: `https://HOST:PORT`; of the controller's own node its socket. */
  api: string;
  ca: string;
  agent: Pair;
  /** RSA, for libvirt and QEMU. */
  host: Pair;
}

/** Keys are a matter of luck, and an emulated machine is slow. */
const OPENSSL_MS = 300_000;
const keyKinds = {
  agent: ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  // libvirt 9.0 refuses the usual certificates of elliptic keys; these live for months, not for years
  host: ['rsa:2048'],
} as const;
type Which = keyof typeof keyKinds;

export class IdentityFiles {
  readonly #file: string;
  /** Keys that no certificate was obtained for yet. */
  readonly #pending: string;
  readonly #run: Run;

  /** @param state `--state DIR` of the agent */
  constructor(state: string, run: Run = runProgram) {
    this.#file = join(state, 'agent', 'identity.json');
    this.#pending = join(state, 'agent', 'new-keys');
    this.#run = run;
  }

  /** Undefined before the node has joined. */
  async current(): Promise<Identity | undefined> {
    const text = await readIfThere(this.#file);
    return text === undefined ? undefined : (JSON.parse(text) as Identity);
  }

  /** Signing requests for the new keys; they are made if there are none. */
  async prepare(signal: AbortSignal): Promise<SigningRequests> {
    const present = await this.current();
    const isOld = present && (await readIfThere(this.#key('agent'))) === present.agent.key;
    if (isOld) await rm(this.#pending, { recursive: true, force: true });
    await mkdir(this.#pending, { recursive: true, mode: 0o700 });
    return { agent: await this.#request('agent', signal), host: await this.#request('host', signal) };
  }

  /** A key is whole or not there: it gets its name when it is on the disk. */
  async #request(which: Which, signal: AbortSignal): Promise<string> {
    const key = this.#key(which);
    const openssl = async (...args: string[]) =>
      (
        await this.#run(['openssl', 'req', '-new', '-subj', '/CN=node', ...args], {
          timeoutMs: OPENSSL_MS,
          signal,
        })
      ).stdout;
    if ((await readIfThere(key)) === undefined) {
      const draft = `${key}.draft`;
      await writeDurably(draft, '', 0o600);
      await openssl('-newkey', ...keyKinds[which], '-noenc', '-keyout', draft);
      await syncPath(draft);
      await rename(draft, key);
      await syncPath(this.#pending);
    }
    return await openssl('-key', key);
  }

  /** The new keys with their certificates become the identity of this node. */
  async adopt(name: string, api: string, issued: NodeCertificates): Promise<Identity> {
    const { cluster, node, ca, agent, host } = issued;
    const key = (which: Which) => readFile(this.#key(which), 'utf8');
    const identity: Identity = {
      ...{ name, node, cluster, api, ca },
      agent: { key: await key('agent'), cert: agent },
      host: { key: await key('host'), cert: host },
    };
    await writeDurably(this.#file, `${JSON.stringify(identity)}\n`, 0o600);
    await rm(this.#pending, { recursive: true, force: true });
    return identity;
  }

  #key(which: Which): string {
    return join(this.#pending, `${which}.key`);
  }
}

/** When new certificates are asked for, ms since 1970: two thirds through the validity of the old ones. */
export function renewAtMs({ agent, host }: Identity): number {
  const due = [agent, host].map(({ cert }) => {
    const { validFromDate, validToDate } = new X509Certificate(cert);
    return validFromDate.getTime() + ((validToDate.getTime() - validFromDate.getTime()) * 2) / 3;
  });
  return Math.min(...due);
}

const readIfThere = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
