/** The daemons lie beside this command: as bundles in a release, as sources in a checkout without bundles. */
import { fileURLToPath } from 'node:url';

export type Daemon = 'server' | 'agent';

const sources = { server: '../../controller/src/main.ts', agent: '../../agent/src/main.ts' };

/** The module that runs a daemon. */
export function daemonModule(daemon: Daemon, here: string = import.meta.url): URL {
  return new URL(here.endsWith('.ts') ? sources[daemon] : `./${daemon}.mjs`, here);
}

export const daemonPath = (daemon: Daemon): string => fileURLToPath(daemonModule(daemon));

/** This very command, for programs that are to call it later. */
export const commandPath = (here: string = import.meta.url): string =>
  fileURLToPath(new URL(here.endsWith('.ts') ? './main.ts' : './gantry.mjs', here));

/** Becomes the daemon: its `main` gets the words, and its exit code is ours. */
export async function becomeDaemon(daemon: Daemon, words: readonly string[]): Promise<void> {
  const { main } = (await import(daemonModule(daemon).href)) as {
    main(argv: readonly string[]): Promise<number>;
  };
  process.exitCode = await main(words);
}
