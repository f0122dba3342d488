/**
 * `gantry agent --state DIR [--libvirt SOCKET] [--cache DIR] [--pki DIR] [--api URL] [--transfer-port N]`
 * `gantry agent join --state DIR --api URL --ca FILE --name NAME` makes this machine a node; the token is in GANTRY_JOIN_TOKEN.
 * `gantry agent leave ...` takes off what a cluster has on this machine: identity/leave.ts.
 * `gantry agent libvirt-auth ...` lets the agent in at libvirt, see `gantry node libvirt-auth`.
 * `gantry agent --prepare PROVIDER[+VARIANT]` fills the cache and tests the accelerator, without a controller.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ClientOptions } from '@gantry/client';
import { err, isGantryError, type Speaker, version } from '@gantry/model';
import { systemEnv } from './host/clock.ts';
import { bootId, machineId } from './host/facts.ts';
import { fileJournal } from './host/journal.ts';
import { type Identity, IdentityFiles } from './identity/identity-files.ts';
import { join as joinCluster } from './identity/join.ts';
import { leave } from './identity/leave.ts';
import { installPki, installRevocations } from './identity/pki-layout.ts';
import { keepIdentity, type RenewalParts } from './identity/renewal.ts';
import { keepRevocations } from './identity/revocations.ts';
import { beToldToLeave, resumeLeaving } from './identity/told-to-leave.ts';
import { libvirtAuth } from './libvirt-auth/main.ts';
import { type AgentLink, agentLink } from './link.ts';
import { startAgent } from './loop/agent.ts';
import type { AnswerCall } from './node-calls.ts';
import { nodeHost } from './node-host.ts';
import { lookAtNode } from './node-look.ts';
import { type Options, parseOptions } from './options.ts';
import { createNodeOs } from './os/create-os.ts';
import { prepare } from './prepare.ts';
import { withFileLock } from './process/file-lock.ts';
import { storageRoot } from './storage/layout.ts';
import { storagePlace } from './storage/place.ts';
import { nodeTransfers } from './transfer/transfers.ts';
import { serveTunnel } from './tunnels.ts';

/** Runs until SIGTERM or SIGINT. Guests and DHCP run on. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    if (argv[0] === 'libvirt-auth') {
      await libvirtAuth(argv.slice(1));
      return 0;
    }
    const [first] = argv;
    const options = parseOptions(first === 'join' || first === 'leave' ? argv.slice(1) : argv);
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => stop.abort(new Error(signal)));
    if (first === 'join') await joinAs(options, stop.signal);
    else if (first === 'leave') await leaveAs(options, stop.signal);
    else if (options.prepare) await prepare(options.prepare, options, stop.signal);
    else await serve(options, stop.signal);
    return 0;
  } catch (error) {
    if (!isGantryError(error)) throw error;
    process.stderr.write(`error: ${error.message}   [${error.code}]\n  ${error.hint}\n`);
    return error.exit;
  }
}

async function serve(options: Options, signal: AbortSignal): Promise<void> {
  const { state } = options;
  const env = systemEnv();
  // the disk of the log may be full, or who read it be gone: that must not end the agent
  process.stderr.on('error', () => undefined);
  // one that nobody caught, in a promise too: all that counts survives a kill, so a new start is the cure
  process.on('uncaughtException', (error, origin) => {
    env.log('error', 'a fault ends the agent', { origin, stack: error.stack ?? String(error) });
    process.exit(1);
  });
  if (await resumeLeaving(state, options.leaveBy, env.log)) return;
  await mkdir(storageRoot(state), { recursive: true, mode: 0o711 });
  const files = new IdentityFiles(state);
  const link = agentLink(await credentials(options, await files.current()), await speaker());
  const journal = fileJournal({ path: join(state, 'agent', 'journal.json'), env });
  const os = createNodeOs({ cacheDir: options.cache, now: env.clock.now, uuid: env.uuid });
  const transfers = nodeTransfers(env, options.transferPort);
  const identity = await files.current();
  if (identity) await transfers.use(identity);
  let membership: { cluster: string; node: string } | undefined;
  const { host, guests, measure } = nodeHost({
    stateDir: state,
    ...(options.libvirt ? { libvirtSocket: options.libvirt } : {}),
    env,
    link,
    os,
    transfers,
    membership: () => membership,
    signal,
  });
  const one = {
    signal,
    onWait: () => env.log('warn', 'another agent runs on this state; waiting for its end', { state }),
  };
  await withFileLock(join(state, 'agent', 'lock'), work, one).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });

  async function work(): Promise<void> {
    const parts = {
      env,
      host,
      link,
      journal,
      joined: (cluster: string, node: string) => {
        membership = { cluster, node };
      },
    };
    const place = storagePlace(state, env.uuid);
    // what was found and is not as wanted is mended at once
    const look = () => lookAtNode({ env, host, files, place }).finally(() => running.state.look.set());
    const probe = async () => {
      const facts = await measure();
      running.state.learn.set();
      const goesOn = host.examines();
      return { facts, ...(goesOn === undefined ? {} : { goesOn }) };
    };
    const answer: AnswerCall = async (call) => {
      if (call.do === 'node.look') return look();
      if (call.do === 'node.probe') return probe();
      if (call.do !== 'node.leave') return guests.answer(call);
      await beToldToLeave({ state, by: options.leaveBy, env, host }, call);
      return {};
    };
    const newIdentity = async (identity: Identity) => {
      await transfers.use(identity);
      running.state.learn.set();
    };
    const running = await startAgent(
      parts,
      (request) =>
        void serveTunnel({ env, link, guests, answer }, request, signal).catch((error: unknown) =>
          env.log('warn', 'a tunnel could not be opened', { error: String(error) }),
        ),
      signal,
    );
    env.log('info', 'the agent runs', { version, state, api: options.api, run: running.state.journal.run });
    await Promise.all([
      running.done,
      keepIdentity({ env, files, ...certification(options, link, newIdentity) }, signal),
      keepRevocations({ env, fetch: link.revocations, install: revoker(options, files) }, signal),
    ]).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await guests.close();
    transfers.close();
    link.close();
    env.log('info', 'the agent stops; guests run on');
  }
}

/** With the node as the agent sees it, but without the controller. */
async function leaveAs(
  { state, cache, pki, api, libvirt, guests: which }: Options,
  signal: AbortSignal,
): Promise<void> {
  const env = systemEnv();
  const link = agentLink({ url: api }, await speaker());
  const os = createNodeOs({ cacheDir: cache, now: env.clock.now, uuid: env.uuid });
  const closers: (() => unknown)[] = [() => link.close()];
  const host = (cluster: string) => {
    const made = nodeHost({
      stateDir: state,
      ...(libvirt ? { libvirtSocket: libvirt } : {}),
      ...{ env, link, os, signal, transfers: nodeTransfers(env, 0) },
      membership: () => ({ cluster, node: hostname() }),
    });
    closers.push(() => made.guests.close());
    return made.host;
  };
  try {
    await leave({ state, pki, guests: which, host }, signal);
  } finally {
    for (const close of closers) await close();
  }
}

async function joinAs({ state, api, ca, name }: Options, signal: AbortSignal): Promise<void> {
  const token = process.env['GANTRY_JOIN_TOKEN'];
  if (!ca || !name || !token || !api.startsWith('https:'))
    throw err('usage', { what: 'join needs --api https://HOST:PORT, --ca, --name and GANTRY_JOIN_TOKEN' });
  const { node } = await joinCluster({ state, api, ca, name, token }, signal);
  process.stdout.write(`${JSON.stringify({ name, node })}\n`);
}

async function speaker(): Promise<Speaker> {
  const machine = await machineId();
  return { boot: bootId(), ...(machine ? { machine } : {}) };
}

/** A node that has joined shows its certificate; the controller's own has a token. */
async function credentials({ state, api }: Options, identity: Identity | undefined): Promise<ClientOptions> {
  if (api.startsWith('https:') && identity) return { url: api, tls: tlsOf(identity) };
  return { url: api, token: await readToken(join(state, 'agent', 'token')) };
}

const tlsOf = ({ ca, agent }: Identity) => ({ ca, ...agent });

const revoker =
  ({ pki, libvirt }: Options, files: IdentityFiles) =>
  async (crl: string): Promise<void> => {
    const identity = await files.current();
    if (identity) await installRevocations(pki, identity.ca, crl, libvirt);
  };

function certification(
  { api, pki, libvirt }: Options,
  link: AgentLink,
  newIdentity: (identity: Identity) => Promise<void>,
): Omit<RenewalParts, 'env' | 'files'> {
  const far = api.startsWith('https:');
  return {
    certify: link.certify,
    async use(identity) {
      if (far) link.reconnect({ url: api, tls: tlsOf(identity) });
      await newIdentity(identity);
      await installPki(pki, identity, libvirt);
    },
    ...(far ? {} : { first: { name: hostname(), api } }),
  };
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw err(
      'host_unfit',
      { why: `${path} cannot be read`, remedy: '`gantry cluster init` makes it.' },
      error,
    );
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
