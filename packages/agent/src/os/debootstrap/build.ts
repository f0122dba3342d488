/** One base image: debootstrap into a folder, a few changes, an ext4 image made from the folder. No mount, no loop device. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { err, isGantryError } from '@gantry/model';
import type { Logger } from '../../actions.ts';
import { isolated } from '../../process/isolated.ts';
import { ProcessError, run } from '../../process/run.ts';
import { ignoreMissing, makeSparse } from '../../storage/durable.ts';
import { describeFull } from '../../storage/space.ts';
import type { BootKit } from '../boot-kit/boot-kit.ts';
import { basePackages, customize } from './customize.ts';
import type { DebootstrapParameters } from './parameters.ts';

const MiB = 2 ** 20;
/** debootstrap says something every few seconds; one that is silent for so long will not go on. */
const SILENCE_MS = 300_000;
const LIMIT_MS = 3_600_000;

export interface BuildRequest {
  parameters: DebootstrapParameters;
  kit: BootKit;
  /** An empty folder of this build. */
  work: string;
  /** Keeps downloaded packages between builds. */
  packageCache: string;
  uuid: string;
  operation: string;
  /** What the archive must be signed with. */
  keyring: string;
}

/**
 * @returns path of the raw image inside `work`, its digest and size
 * @throws GantryError `os_provider_failed`, `no_space`
 */
export async function buildBase(request: BuildRequest, log: Logger, signal: AbortSignal) {
  const { work, parameters, kit, uuid } = request;
  const tree = join(work, 'tree');
  const image = join(work, 'image.raw');
  const step = async <T>(name: string, doing: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    try {
      return await doing();
    } catch (error) {
      throw explain(error, name, request);
    }
  };
  await mkdir(tree, { recursive: true, mode: 0o755 });
  await mkdir(request.packageCache, { recursive: true });
  log('info', `debootstrap ${parameters.suite} (${parameters.arch}) from ${parameters.mirror}`);
  await step('debootstrap', () => debootstrap(request, tree, log, signal));
  await step('customize', () => customize(tree, parameters, kit, uuid, signal));
  log('info', `writing the ${parameters.filesystem} image`);
  await step('mke2fs', () => makeImage(tree, image, request, signal));
  await rm(tree, { recursive: true, force: true });
  return { image, sha256: await digestOf(image), sizeBytes: (await stat(image)).size };
}

async function debootstrap(
  request: BuildRequest,
  tree: string,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { suite, arch, mirror, components, extraPackages, proxy } = request.parameters;
  const packages = [...new Set([...basePackages, ...extraPackages])].join(',');
  const silence = new AbortController();
  const speak = () => silence.abort(new Error(`no output for ${SILENCE_MS / 1000} s`));
  let timer = setTimeout(speak, SILENCE_MS);
  const options = [
    '--variant=minbase',
    `--arch=${arch}`,
    `--components=${components.join(',')}`,
    `--include=${packages}`,
    `--cache-dir=${request.packageCache}`,
    `--keyring=${request.keyring}`,
    '--force-check-gpg',
  ];
  try {
    await run([...isolated, 'debootstrap', ...options, suite, tree, mirror], {
      signal: AbortSignal.any([signal, silence.signal]),
      timeoutMs: LIMIT_MS,
      env: { DEBIAN_FRONTEND: 'noninteractive', ...(proxy ? { http_proxy: proxy, https_proxy: proxy } : {}) },
      onOutput(line) {
        clearTimeout(timer);
        timer = setTimeout(speak, SILENCE_MS);
        log('output', line);
      },
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Room for what is in it and a little more: it grows to the disk's size in the guest. Lazy tables keep it quick. */
async function makeImage(
  tree: string,
  image: string,
  { parameters, uuid }: BuildRequest,
  signal: AbortSignal,
) {
  const { stdout } = await run(['du', '--summarize', '--block-size=1M', '--one-file-system', tree], {
    signal,
  });
  const sizeMiB = Math.ceil((Number.parseInt(stdout, 10) * 1.15 + 96) / 16) * 16;
  await makeSparse(image, sizeMiB * MiB, 0o644);
  // -T default: small file systems would otherwise get 1 KiB blocks, which do not suit what they grow to.
  const shape = [
    '-t',
    parameters.filesystem,
    '-T',
    'default',
    '-b',
    '4096',
    '-m',
    '1',
    '-U',
    uuid,
    '-L',
    'root',
  ];
  const journal = parameters.filesystem === 'ext2' ? [] : ['-J', 'size=32'];
  const lazy = ['-E', 'lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0'];
  await run(['mke2fs', '-q', '-F', ...shape, ...journal, ...lazy, '-d', tree, image], { signal });
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * MiB })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function explain(error: unknown, step: string, { operation, work }: BuildRequest): unknown {
  const described = describeFull(error, work);
  if (isGantryError(described)) return described;
  if (!(error instanceof ProcessError) || (error.reason === 'aborted' && !isSilence(error))) return error;
  const why = isSilence(error) ? (error.cause as Error).message : (lastComplaint(error) ?? error.message);
  return err('os_provider_failed', { provider: 'debootstrap', step, why, operation }, error);
}

const isSilence = (error: ProcessError): boolean =>
  error.reason === 'aborted' && error.cause instanceof Error && error.cause.message.startsWith('no output');

/** debootstrap writes `E: why` or `W: why`. */
const lastComplaint = ({ stdout, stderr }: ProcessError): string | undefined =>
  `${stdout}\n${stderr}`
    .match(/^[EW]: .*$/gm)
    ?.at(-1)
    ?.slice(3, 500);

/** Packages that no build has fetched for `days`. */
export async function pruneOld(folder: string, days: number, nowMs: number): Promise<void> {
  for (const name of (await readdir(folder).catch(ignoreMissing)) ?? []) {
    const path = join(folder, name);
    const found = await stat(path).catch(ignoreMissing);
    if (found && nowMs - found.mtimeMs > days * 86_400_000) await rm(path, { force: true });
  }
}
