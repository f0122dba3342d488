/** polkit: a rule that lets a user other than root use libvirt as it is set up by default. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import { type Change, fileChange, readIfThere } from './change.ts';
import { authChange, type Daemon, restartChange } from './daemon.ts';
import type { ServiceUser } from './service-user.ts';
import { polkitRule, settingIn } from './texts.ts';

const RULES = '/etc/polkit-1/rules.d';
const RULE = join(RULES, '50-gantry-libvirt.rules');

/** polkitd reads its rules anew by itself. @throws GantryError `usage` for root, `host_unfit` */
export async function planPolkit(daemon: Daemon, user: ServiceUser): Promise<Change[]> {
  if (user.uid === 0)
    throw err('usage', { what: 'root needs no rule of polkit; name the user with --service-user' });
  await access(RULES).catch((error: unknown) => {
    throw err('host_unfit', { why: `there is no ${RULES}`, remedy: 'apt-get install polkitd' }, error);
  });
  const demand = settingIn((await readIfThere(daemon.conf)) ?? '', 'auth_unix_rw');
  // Not set it is polkit, where libvirt was built with it.
  const scheme = demand === undefined || demand === 'polkit' ? [] : await authChange(daemon, 'polkit');
  return [
    ...fileChange(RULE, await readIfThere(RULE), polkitRule(user.name)),
    ...scheme,
    ...(scheme.length > 0 ? await restartChange(daemon) : []),
  ];
}
