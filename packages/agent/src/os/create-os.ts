/** All OS providers of a node, and the boot kit that they share with the guests. */
import { type BootFiles, createBootFiles } from './boot-kit/boot-files.ts';
import { type BootKits, createBootKits } from './boot-kit/boot-kit.ts';
import { createDebootstrapProvider } from './debootstrap/provider.ts';
import { createGanetiProvider, type GanetiOsOptions } from './ganeti/provider.ts';
import { createOsProviders, type OsProviders } from './os-providers.ts';

export interface OsOptions {
  /** Shared between clusters on this machine; GANTRY_CACHE, default /var/cache/gantry. */
  cacheDir: string;
  /** Wall clock, ms since 1970. */
  now: () => number;
  uuid: () => string;
  ganeti?: GanetiOsOptions;
}

export interface NodeOs {
  providers: OsProviders;
  bootFiles: BootFiles;
  bootKits: BootKits;
}

export function createNodeOs({ ganeti, ...shared }: OsOptions): NodeOs {
  const bootKits = createBootKits(shared);
  const debootstrap = createDebootstrapProvider({ ...shared, kits: bootKits });
  const providers = createOsProviders({ debootstrap }, createGanetiProvider(ganeti));
  return { providers, bootFiles: createBootFiles(bootKits), bootKits };
}
