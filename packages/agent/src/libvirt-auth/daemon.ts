/** The libvirt daemon whose access is set up: its configuration, and whether a user gets in. */
import { access } from 'node:fs/promises';
import { connect } from '@gantry/libvirt';
import { err } from '@gantry/model';
import { type Change, fileChange, readIfThere } from './change.ts';
import { as, type ServiceUser } from './service-user.ts';
import { withSetting } from './texts.ts';

export interface Daemon {
  /** Also the name of its systemd unit. */
  readonly name: 'libvirtd' | 'virtqemud';
  readonly conf: string;
  readonly socket: string | undefined;
}

/** By the name of its socket. */
export function daemonAt(socket: string | undefined): Daemon {
  const name = socket?.endsWith('/virtqemud-sock') ? 'virtqemud' : 'libvirtd';
  return { name, conf: `/etc/libvirt/${name}.conf`, socket };
}

/** Last of all changes: whoever is asked for an account from now on has one. @throws GantryError `host_unfit` */
export async function authChange(daemon: Daemon, scheme: string): Promise<Change[]> {
  const before = await readIfThere(daemon.conf);
  if (before === undefined)
    throw err('host_unfit', {
      why: `there is no ${daemon.conf}`,
      remedy: 'apt-get install libvirt-daemon-system',
    });
  return fileChange(daemon.conf, before, withSetting(before, 'auth_unix_rw', scheme));
}

/** A daemon reads its configuration when it starts. */
export async function restartChange({ name }: Daemon): Promise<Change[]> {
  const booted = await access('/run/systemd/system').then(
    () => true,
    () => false,
  );
  return booted ? [{ kind: 'restart', unit: name }] : [];
}

/** Why the user does not get in this way, undefined if he does: asked as the agent asks. */
export async function refusal(
  { socket }: Daemon,
  user: ServiceUser,
  scheme: 'sasl' | 'polkit',
): Promise<string | undefined> {
  try {
    const lv = await as(user, () =>
      connect({
        uri: `qemu:///system?auth=${scheme}`,
        surroundings: { uid: user.uid, home: user.home, env: {} },
        ...(socket === undefined ? {} : { socket }),
        keepAlive: false,
      }),
    );
    await lv.close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
