/** What the controller is beyond its own machine: how others reach it, and the authority that tells its nodes apart. */
import { createHash } from 'node:crypto';
import { err, type NodeLook } from '@gantry/model';
import type { CertificateAuthority } from './pki/certificate-authority.ts';

export interface Remote {
  authority: CertificateAuthority;
  /** Until when they hold: the one that it shows, and the authority’s own. */
  certificates(): NodeLook['certificates'];
  /** `https://HOST:PORT`, as new machines are told to reach it. */
  url: string;
  /** Folder with what machines are given to become nodes. */
  release?: string;
}

/** @throws GantryError `not_joinable` while the controller listens on its own machine only */
export function requireRemote({ remote }: { remote?: Remote }): Remote {
  if (!remote) throw err('not_joinable', { why: 'the controller listens on this machine only' });
  return remote;
}

/** Of the CA's certificate as it is served: what the join line pins. */
export const caSha256 = ({ authority }: Remote): string =>
  createHash('sha256').update(authority.certificate).digest('hex');
