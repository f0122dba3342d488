/** What fills the first disk of an instance: the built-in `debootstrap`, or a Ganeti OS definition of that name. */
import { type DiskReplicaSpec, err, type OsContext } from '@gantry/model';
import type { Logger } from '../actions.ts';

/** What a provider gives the disk. */
export type OsContent =
  /** A finished image in the provider's cache; it is taken over under its digest and never changed. */
  | { kind: 'cached'; path: string; sha256: string }
  /** It writes into a raw file of the disk's size. */
  | { kind: 'fill'; fill: (path: string, signal: AbortSignal) => Promise<void> };

export interface OsRequest {
  provider: string;
  variant?: string;
  parameters: Readonly<Record<string, string>>;
  context: OsContext;
  spec: DiskReplicaSpec;
}

export interface OsProvider {
  /** @throws GantryError `os_provider_failed`, `mirror_unreachable`, `invalid_argument`, `no_space` */
  content(request: OsRequest, log: Logger, signal: AbortSignal): Promise<OsContent>;
}

export interface OsProviders {
  content(spec: DiskReplicaSpec, log: Logger, signal: AbortSignal): Promise<OsContent>;
}

/** `builtIn` by name first; every other name is looked for among the definitions on the node. */
export function createOsProviders(
  builtIn: Readonly<Record<string, OsProvider>>,
  definitions: OsProvider,
): OsProviders {
  return {
    async content(spec, log, signal) {
      if (spec.source.kind !== 'os') throw err('internal', { why: 'the disk has no OS provider' });
      if (!spec.os) throw err('internal', { why: 'the disk has an OS provider but no context for it' });
      const { provider, variant, parameters = {} } = spec.source.os;
      const chosen = Object.hasOwn(builtIn, provider) ? builtIn[provider] : undefined;
      const request = { provider, ...(variant ? { variant } : {}), parameters, context: spec.os, spec };
      return (chosen ?? definitions).content(request, log, signal);
    },
  };
}
