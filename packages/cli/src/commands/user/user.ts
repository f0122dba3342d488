/** What the commands about users share. */
import { type User, userRoles } from '@gantry/model';
import { entries } from '../../output/describe.ts';
import type { Flag } from '../../verb.ts';

export const roleFlag: Flag = {
  flags: '--role <role>',
  description: 'in the whole cluster; without one he has only the roles that projects give him',
  choices: userRoles,
};
export const fullNameFlag: Flag = { flags: '--full-name <text>', description: 'for people to read' };

/** Names of projects by their ids; of one that is not seen, the id. */
export const projectsOf = ({ spec }: User, names: ReadonlyMap<string, string>): string =>
  Object.entries(spec.projects ?? {})
    .map(([id, role]) => `${names.get(id) ?? id}:${role}`)
    .toSorted()
    .join(' ');

export const describeUser = (user: User, names: ReadonlyMap<string, string>): string =>
  entries([
    ['name', user.name],
    ['full name', user.spec.fullName],
    ['role', user.spec.role ?? 'none in the whole cluster'],
    ['projects', projectsOf(user, names)],
    ['state', user.spec.disabled ? 'disabled' : 'enabled'],
    ['created', user.createdAt],
    ['id', user.id],
  ]);
