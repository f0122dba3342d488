/**
 * `gantry server --state DIR [--listen HOST:PORT] [--advertise NAME]... [--release DIR] [--socket PATH]
 * [--task-off NAME]...`: the controller.
 * `gantry server init --state DIR`: makes the store of a new cluster.
 * `gantry server backup --state DIR`: copies the store beside it. `gantry server restore --state DIR`: makes a usable store of such a copy.
 * `gantry server recover --state DIR`: makes a new token of an administrator.
 */

import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { err, isGantryError } from '@gantry/model';
import { backUpStore } from './backup.ts';
import type { Env } from './env.ts';
import { initCommand } from './init.ts';
import { recoverCommand } from './recover-admin.ts';
import { restoreStore } from './restore.ts';
import { type Address, type ServerOptions, startServer, storePath } from './server.ts';
import { systemEnv } from './system-env.ts';

const DEFAULT_STATE = '/var/lib/gantry';

/** Resolves with the exit code; the controller runs until SIGTERM or SIGINT. */
export async function main(argv: readonly string[]): Promise<number> {
  const env = systemEnv();
  // the disk of the log may be full, or who read it be gone: that must not end the controller
  process.stderr.on('error', () => {});
  try {
    const [first] = argv;
    if (first === 'init') tell(await initCommand(env, parse(argv.slice(1)).state, process.stdin));
    else if (first === 'backup') tell(await backUpStore(storeOf(argv)));
    else if (first === 'restore') tell(await restoreStore(storeOf(argv), env));
    else if (first === 'recover') tell(await recoverCommand(env, storeOf(argv), process.stdin));
    else await serve(env, argv);
    return 0;
  } catch (error) {
    if (!isGantryError(error)) throw error;
    process.stderr.write(`error: ${error.message}\n  ${error.hint}\n`);
    return error.exit;
  }
}

const tell = (made: object): void => void process.stdout.write(`${JSON.stringify(made)}\n`);

const storeOf = (argv: readonly string[]): string => storePath(parse(argv.slice(1)).state);

async function serve(env: Env, argv: readonly string[]): Promise<void> {
  const options = parse(argv);
  // one that nobody caught, in a promise too: all that counts survives a kill, so a new start is the cure
  process.on('uncaughtException', (error, origin) => {
    env.log('error', 'a fault ends the controller', { origin, stack: error.stack ?? String(error) });
    process.exit(1);
  });
  const server = await startServer(env, options);
  const { address } = server;
  env.log('info', 'the controller is ready', {
    socket: options.socket,
    ...(address ? { listen: `${address.host}:${address.port}` } : {}),
    term: server.controller.app.store.term.number,
  });
  const why = await Promise.race([signalled(), server.done.then(() => 'its tasks ended')]);
  env.log('info', 'the controller stops', { why });
  await server.close();
}

const signalled = (): Promise<string> =>
  new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });

function parse(argv: readonly string[]): ServerOptions {
  const { values } = parsed(argv);
  const state = values.state ?? DEFAULT_STATE;
  return {
    state,
    socket: values.socket ?? join(state, 'run', 'api.sock'),
    ...(values.listen === undefined ? {} : { listen: address(values.listen) }),
    ...(values.advertise === undefined ? {} : { advertise: values.advertise.map(hostName) }),
    ...(values.release === undefined ? {} : { release: values.release }),
    tasksOff: values['task-off'] ?? [],
  };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        state: { type: 'string' },
        listen: { type: 'string' },
        socket: { type: 'string' },
        advertise: { type: 'string', multiple: true },
        release: { type: 'string' },
        'task-off': { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    throw err('usage', { what: (error as Error).message }, error);
  }
}

/** `HOST:PORT`, IPv6 in brackets. On loopback tokens travel in clear, elsewhere by TLS. */
function address(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (!host || Number(match?.[3]) > 65_535)
    throw err('usage', { what: `--listen ${text.slice(0, 64)}: an address and port, such as 10.0.0.1:7460` });
  return { host, port: Number(match?.[3]) };
}

function hostName(text: string): string {
  if (isIP(text) || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(text)) return text;
  throw err('usage', { what: `--advertise ${text.slice(0, 64)}: a host name or an address` });
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
