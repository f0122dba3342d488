/**
 * `gantry agent --state DIR [--libvirt SOCKET] [--cache DIR] [--api URL]`
 * `gantry agent --prepare PROVIDER[+VARIANT]` fills the cache and tests the accelerator, without a controller.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { err, isGantryError, version } from '@gantry/model';
import { systemEnv } from './host/clock.ts';
import { fileJournal } from './host/journal.ts';
import { agentLink } from './link.ts';
import { startAgent } from './loop/agent.ts';
import { nodeHost } from './node-host.ts';
import { createNodeOs } from './os/create-os.ts';
import { prepare } from './prepare.ts';
import { withFileLock } from './process/file-lock.ts';
import { storageRoot } from './storage/layout.ts';
import { serveTunnel } from './tunnels.ts';

interface Options {
  state: string;
  cache: string;
  api: string;
  libvirt?: string;
  prepare?: string;
}

/** Runs until SIGTERM or SIGINT. Guests and DHCP run on. Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parse(argv);
    const stop = new AbortController();
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => stop.abort(new Error(signal)));
    if (options.prepare) await prepare(options.prepare, options, stop.signal);
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
  await mkdir(storageRoot(state), { recursive: true, mode: 0o711 });
  const link = agentLink({ url: options.api, token: await readToken(join(state, 'agent', 'token')) });
  const journal = fileJournal({ path: join(state, 'agent', 'journal.json'), env });
  const os = createNodeOs({ cacheDir: options.cache, now: env.clock.now, uuid: env.uuid });
  let membership: { cluster: string; node: string } | undefined;
  const { host, guests } = nodeHost({
    stateDir: state,
    ...(options.libvirt ? { libvirtSocket: options.libvirt } : {}),
    env,
    link,
    os,
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
    const running = await startAgent(
      parts,
      (request) =>
        void serveTunnel({ env, link, guests }, request, signal).catch((error: unknown) =>
          env.log('warn', 'a tunnel could not be opened', { error: String(error) }),
        ),
      signal,
    );
    env.log('info', 'the agent runs', { version, state, api: options.api, run: running.state.journal.run });
    await running.done;
    await guests.close();
    link.close();
    env.log('info', 'the agent stops; guests run on');
  }
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

function parse(argv: readonly string[]): Options {
  const { values } = parsed(argv);
  const state = values.state ?? '/var/lib/gantry';
  return {
    state,
    cache: values.cache ?? process.env['GANTRY_CACHE'] ?? '/var/cache/gantry',
    api: values.api ?? `unix:${join(state, 'run', 'api.sock')}`,
    ...(values.libvirt === undefined ? {} : { libvirt: values.libvirt }),
    ...(values.prepare === undefined ? {} : { prepare: values.prepare }),
  };
}

function parsed(argv: readonly string[]) {
  const text = { type: 'string' as const };
  try {
    return parseArgs({
      args: [...argv],
      options: { state: text, cache: text, api: text, libvirt: text, prepare: text },
    });
  } catch (error) {
    throw err('usage', { what: (error as Error).message }, error);
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
