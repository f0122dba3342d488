/** The built-in OS provider `debootstrap`. */
import { readFile } from 'node:fs/promises';
import { run } from '../../process/run.ts';
import { ignoreMissing } from '../../storage/durable.ts';
import type { OsProvider } from '../os-providers.ts';
import { readAptSources } from './apt-sources.ts';
import { type BaseCacheOptions, createBaseCache } from './base-cache.ts';
import { parseDefaults } from './defaults-file.ts';
import { resolveParameters } from './parameters.ts';

const DEFAULTS_FILE = '/etc/default/ganeti-instance-debootstrap';

export interface DebootstrapOptions extends BaseCacheOptions {
  defaultsFile?: string;
  aptDir?: string;
}

export function createDebootstrapProvider(options: DebootstrapOptions): OsProvider {
  const { defaultsFile = DEFAULTS_FILE, aptDir } = options;
  const cache = createBaseCache(options);
  let nodeArch: string | undefined;
  return {
    async content({ parameters, variant, context, spec }, log, signal) {
      nodeArch ??= (await run(['dpkg', '--print-architecture'], { signal })).stdout.trim();
      const [apt, text] = await Promise.all([
        readAptSources(aptDir),
        readFile(defaultsFile, 'utf8').catch(ignoreMissing),
      ]);
      const { values, ignored } = parseDefaults(text ?? '');
      for (const line of ignored)
        log('warn', `${defaultsFile}: not understood, so left out: ${line.slice(0, 200)}`);
      const resolved = resolveParameters({
        parameters,
        ...(variant === undefined ? {} : { variant }),
        cluster: context.clusterParameters,
        defaultsFile: values,
        apt,
        nodeArch,
      });
      const base = await cache.get(resolved, spec.operation, log, signal);
      return { kind: 'cached', ...base };
    },
  };
}
