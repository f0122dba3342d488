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
  /**
   * Tells the system on a raw disk that its name was `oldName`. Undefined where the provider has no means to.
   * @throws GantryError `os_provider_failed`
   */
  rename?(
    request: OsRequest,
    oldName: string,
    log: Logger,
  ): Promise<((path: string, signal: AbortSignal) => Promise<void>) | undefined>;
}

export interface OsProviders {
  content(spec: DiskReplicaSpec, log: Logger, signal: AbortSignal): Promise<OsContent>;
  /** Of a copy that bears another name inside; undefined where there is nothing to do. */
  rename?(spec: DiskReplicaSpec, log: Logger): ReturnType<NonNullable<OsProvider['rename']>>;
}

/** `builtIn` by name first; every other name is looked for among the definitions on the node. */
export function createOsProviders(
  builtIn: Readonly<Record<string, OsProvider>>,
  definitions: OsProvider,
): OsProviders {
  const providerOf = ({ provider }: OsRequest) =>
    (Object.hasOwn(builtIn, provider) ? builtIn[provider] : undefined) ?? definitions;
  return {
    async content(spec, log, signal) {
      const request = requestOf(spec);
      return providerOf(request).content(request, log, signal);
    },
    async rename(spec, log) {
      if (spec.renamed === undefined || spec.source.kind !== 'os') return undefined;
      const request = requestOf(spec);
      return providerOf(request).rename?.(request, spec.renamed, log);
    },
  };
}

function requestOf(spec: DiskReplicaSpec): OsRequest {
  if (spec.source.kind !== 'os') throw err('internal', { why: 'the disk has no OS provider' });
  if (!spec.os) throw err('internal', { why: 'the disk has an OS provider but no context for it' });
  const { provider, variant, parameters = {} } = spec.source.os;
  return { provider, ...(variant ? { variant } : {}), parameters, context: spec.os, spec };
}
