import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the meaning of a URI depends on besides its text. */
export interface Surroundings {
  /** Effective user id; root and others have different sockets and certificates. */
  readonly uid: number;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Those of this process. */
export const ownSurroundings = (): Surroundings => ({
  uid: process.geteuid?.() ?? 0,
  home: homedir(),
  env: process.env,
});

/** Where libvirt keeps the sockets of a user's own daemon. Empty variables count as none, as GLib has it. */
export function userRuntimeDir({ env, home }: Surroundings): string {
  const base = env['XDG_RUNTIME_DIR'] || env['XDG_CACHE_HOME'] || join(home, '.cache');
  return join(base, 'libvirt');
}

/** Where libvirt looks for a user's own `auth.conf` and `libvirt.conf`. */
export function userConfigDir({ env, home }: Surroundings): string {
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'libvirt');
}
