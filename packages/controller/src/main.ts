/**
 * `gantry server --state DIR [--listen HOST:PORT] [--socket PATH] [--task-off NAME]...`: the controller.
 * `gantry server init --state DIR`: makes the store of a new cluster.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { err, isGantryError } from '@gantry/model';
import type { Env } from './env.ts';
import { initCommand } from './init.ts';
import { type ServerOptions, startServer } from './server.ts';
import { systemEnv } from './system-env.ts';

const DEFAULT_STATE = '/var/lib/gantry';

/** Resolves with the exit code; the controller runs until SIGTERM or SIGINT. */
export async function main(argv: readonly string[]): Promise<number> {
  const env = systemEnv();
  // whoever read the log may be gone: that must not end the controller
  process.stderr.on('error', () => {});
  try {
    if (argv[0] === 'init') await init(env, argv.slice(1));
    else await serve(env, argv);
    return 0;
  } catch (error) {
    if (!isGantryError(error)) throw error;
    process.stderr.write(`error: ${error.message}\n  ${error.hint}\n`);
    return error.exit;
  }
}

async function init(env: Env, argv: readonly string[]): Promise<void> {
  const made = await initCommand(env, parse(argv).state, process.stdin);
  process.stdout.write(`${JSON.stringify(made)}\n`);
}

async function serve(env: Env, argv: readonly string[]): Promise<void> {
  const options = parse(argv);
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
        'task-off': { type: 'string', multiple: true },
      },
    });
  } catch (error) {
    throw err('usage', { what: (error as Error).message }, error);
  }
}

/** Tokens travel in clear, so only loopback is offered. */
function address(text: string): { host: string; port: number } {
  const match = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):(\d{1,5})$/.exec(text);
  if (!match?.[1] || Number(match[2]) > 65_535)
    throw err('usage', {
      what: `--listen ${text.slice(0, 64)}: a loopback address and port, such as 127.0.0.1:7460`,
    });
  return { host: match[1].replace(/[[\]]/g, ''), port: Number(match[2]) };
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
