/** Takes a cluster's guests off a node that leaves it. Disks, bases and files go with the agent's folder. */
import { err, type InstanceId, type LeaveWith } from '@gantry/model';
import type { Logger } from '../actions.ts';
import type { Env, Host } from '../env.ts';
import { isAlive } from '../guests/libvirt-names.ts';
import type { Observation, SeenDomain } from '../observation.ts';

export interface Clearing {
  host: Pick<Host, 'observe' | 'perform'>;
  log: Env['log'];
  /** Whose marks count: domains of others are never touched. */
  cluster: string;
}

/** @throws GantryError `in_use` while something is there that may not go, `host_unfit` where libvirt cannot be asked */
export async function requireClearable(
  { host, cluster }: { host: Pick<Host, 'observe'>; cluster: string },
  guests: LeaveWith,
): Promise<Observation> {
  const seen = await host.observe();
  const hasFiles = seen.disks.length > 0 || seen.guestFiles.length > 0;
  if (!seen.libvirt && (hasFiles || guests !== 'none'))
    throw err('host_unfit', {
      why: 'libvirt cannot be asked which guests are here',
      remedy: 'Start it: systemctl start libvirtd. Then repeat the command.',
    });
  const ours = ownDomains(seen, cluster);
  const alive = ours.filter(({ state }) => isAlive(state));
  const users =
    guests === 'none'
      ? [...ours.map(guestText), ...seen.disks.map(({ disk }) => `disk ${disk}`)]
      : guests === 'down'
        ? alive.map(guestText)
        : [];
  if (users.length > 0) throw err('in_use', { kind: 'node', name: 'here', users: users.join(', ') });
  return seen;
}

const ownDomains = ({ domains }: Observation, cluster: string): SeenDomain[] =>
  domains.filter(({ ours }) => ours?.cluster === cluster);
const guestText = ({ name }: SeenDomain): string => `guest ${name}`;

/** May be repeated: it looks first. @returns what it found @throws as `requireClearable` */
export async function clearNode(
  { host, log, cluster }: Clearing,
  guests: LeaveWith,
  signal: AbortSignal,
): Promise<Observation> {
  const seen = await requireClearable({ host, cluster }, guests);
  const tell: Logger = (level, text) => log(level === 'output' ? 'debug' : level, text);
  const perform = (action: Parameters<Host['perform']>[0]) => host.perform(action, tell, signal);
  for (const { uuid, state } of ownDomains(seen, cluster)) {
    const instance = uuid as InstanceId;
    if (isAlive(state)) await perform({ do: 'guest.destroy', instance });
    await perform({ do: 'guest.remove', instance });
  }
  for (const { instance } of seen.filters) await perform({ do: 'filter.remove', instance });
  return seen;
}
