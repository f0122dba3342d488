/**
 * Runs OS definitions of Ganeti's OS interface, unmodified: `verify`, then `create` into a raw file. Scripts run as
 * root, as their authors expect, in mounts and processes of their own, so that nothing of theirs outlives them.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { err, isGantryError } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import { isolated } from '../../process/isolated.ts';
import { ProcessError, run } from '../../process/run.ts';
import { detachLoopDevices } from '../../storage/loop-devices.ts';
import { describeFull } from '../../storage/space.ts';
import { readAptSources } from '../debootstrap/apt-sources.ts';
import { keyringOf } from '../debootstrap/keyring.ts';
import type { OsProvider, OsRequest } from '../os-providers.ts';
import {
  chooseVariant,
  findDefinition,
  OS_SEARCH_PATH,
  type OsDefinition,
  OsDefinitionError,
} from './definition.ts';
import { hasDeviceMapper } from './device-mapper.ts';
import { osEnvironment } from './environment.ts';
import { osParameters } from './os-parameters.ts';

export interface GanetiOsOptions {
  searchPath?: readonly string[];
  /** For one script. */
  timeoutMs?: number;
}

const HOUR_MS = 3_600_000;

export function createGanetiProvider(options: GanetiOsOptions = {}): OsProvider {
  const { searchPath = OS_SEARCH_PATH, timeoutMs = HOUR_MS } = options;
  const load = (request: OsRequest) =>
    findDefinition(request.provider, searchPath).catch((error: unknown) => {
      throw explain(error, request.provider, 'looking for it', request.spec.operation);
    });
  const runnerFor = async (
    definition: OsDefinition,
    request: OsRequest,
    log: Logger,
    signal?: AbortSignal,
  ) => {
    const variant = chooseVariant(definition, request.variant);
    const sources = {
      parameters: request.parameters,
      cluster: request.context.clusterParameters,
      apt: await readAptSources(),
      nodeArch: (await run(['dpkg', '--print-architecture'], signal ? { signal } : {})).stdout.trim(),
      hasDeviceMapper: await hasDeviceMapper(),
    };
    const parameters = osParameters(definition, sources, log);
    const { SUITE } = parameters.plain;
    if (SUITE !== undefined) await keyringOf(SUITE);
    return { definition, variant, parameters, request, timeoutMs, log };
  };
  return {
    async content(request, log, signal) {
      const definition = await load(request);
      const runner = await runnerFor(definition, request, log, signal);
      const verify: [Script, string[]][] = definition.api >= 20 ? [['verify', ['parameters']]] : [];
      return {
        kind: 'fill',
        fill: (path, abort) => runScripts(runner, [...verify, ['create', []]], path, abort),
      };
    },
    async rename(request, oldName, log) {
      const definition = await load(request);
      if (!definition.renames) return undefined;
      const runner = await runnerFor(definition, request, log);
      return (path, abort) => runScripts({ ...runner, oldName }, [['rename', []]], path, abort);
    },
  };
}

type Script = 'verify' | 'create' | 'rename';

interface Runner {
  definition: OsDefinition;
  variant: string | undefined;
  parameters: ReturnType<typeof osParameters>;
  request: OsRequest;
  timeoutMs: number;
  log: Logger;
  oldName?: string;
}

/** One after the other, on the raw disk at `path`. */
async function runScripts(
  { definition, variant, parameters, request, timeoutMs, log, oldName }: Runner,
  scripts: readonly [Script, string[]][],
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { sizeBytes, disk: uuid, operation } = request.spec;
  await withPlainPath(path, async (plain) => {
    const disk = { path: plain, sizeBytes, uuid };
    const env = osEnvironment(definition, variant, request.context, parameters, disk, oldName);
    try {
      for (const [script, args] of scripts)
        await runOsScript(definition, script, args, { env, timeoutMs, signal, log, operation });
    } finally {
      const left = await detachLoopDevices(path);
      if (left.length > 0) log('warn', `${definition.name} left ${left.join(', ')}; detached`);
    }
  });
}

/** Shell scripts of the old days break at blanks: they get a link without any. */
async function withPlainPath<T>(path: string, work: (plain: string) => Promise<T>): Promise<T> {
  if (/^[A-Za-z0-9/_.,:+-]+$/.test(path)) return work(path);
  const folder = await mkdtemp(join(tmpdir(), 'gantry-os-'));
  try {
    await symlink(path, join(folder, 'disk'));
    return await work(join(folder, 'disk'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface ScriptRun {
  env: Record<string, string>;
  timeoutMs: number;
  signal: AbortSignal;
  log: Logger;
  operation: string;
}

async function runOsScript(
  { name, folder }: OsDefinition,
  script: Script,
  args: string[],
  { env, timeoutMs, signal, log, operation }: ScriptRun,
): Promise<void> {
  try {
    await run([...isolated, join(folder, script), ...args], {
      cwd: folder,
      env: { LC_ALL: 'C', ...env },
      timeoutMs,
      signal,
      onOutput: (line) => log('output', line),
    });
  } catch (error) {
    throw explain(error, name, script, operation);
  }
}

function explain(error: unknown, provider: string, step: string, operation: string): unknown {
  const described = describeFull(error, 'the disk, or the caches of the OS definition');
  if (isGantryError(described)) return described;
  const ours =
    error instanceof OsDefinitionError || (error instanceof ProcessError && error.reason !== 'aborted');
  if (!ours) return error;
  const why = error instanceof ProcessError ? lastLine(error) : error.message;
  return err('os_provider_failed', { provider, step, why, operation }, error);
}

function lastLine(error: ProcessError): string {
  const last = error.stderr.trimEnd().split('\n').at(-1) ?? '';
  const how =
    error.reason === 'timeout' ? 'it did not end in time' : `it ended with exit code ${error.code ?? '?'}`;
  return last === '' ? how : `${last.slice(0, 500)} (${how})`;
}
