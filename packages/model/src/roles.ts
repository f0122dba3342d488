/**
 * Roles and rights. A person has a role in the whole cluster, in single projects, or both; his token may have less than
 * he has and never more. What a route needs stands in the table of routes. Pure.
 */
import type { ProjectId } from './ids.ts';
import type { ProjectRole, Token, User, UserRole } from './resources/project.ts';

/** As routes name them: a role in the whole cluster, or with `project-` one in the project of the thing alone. */
export type RouteRole = UserRole | `project-${ProjectRole}` | 'agent' | 'join';

/** What somebody may, all in all. */
export interface Rights {
  /** In the whole cluster, in every project. */
  role?: UserRole;
  /** Beside that, in these. */
  projects: ReadonlyMap<ProjectId, ProjectRole>;
}

const ranks = ['viewer', 'operator', 'admin'] as const satisfies readonly UserRole[];
const rankOf = (role: UserRole): number => ranks.indexOf(role);

/** Does this role include the other one? */
export const includesRole = (role: UserRole | undefined, other: UserRole): boolean =>
  role !== undefined && rankOf(role) >= rankOf(other);

const lower = (a: UserRole, b: UserRole): UserRole => (includesRole(a, b) ? b : a);
const higher = (a: UserRole | undefined, b: UserRole | undefined): UserRole | undefined =>
  a !== undefined && (b === undefined || includesRole(a, b)) ? a : b;

/** Of a user by himself. One that is disabled has none. */
export function userRights({ spec }: Pick<User, 'spec'>): Rights {
  if (spec.disabled) return { projects: new Map() };
  const projects = Object.entries(spec.projects ?? {}) as [ProjectId, ProjectRole][];
  return { ...(spec.role ? { role: spec.role } : {}), projects: new Map(projects) };
}

/** The role that these rights give in a project; without one, in the whole cluster. */
export const roleIn = ({ role, projects }: Rights, project: string | undefined): UserRole | undefined =>
  project === undefined ? role : higher(role, projects.get(project as ProjectId));

/** The highest role anywhere. */
export const highestRole = ({ role, projects }: Rights): UserRole | undefined =>
  [...projects.values()].reduce<UserRole | undefined>(higher, role);

/** No more than a role, and in no more than one project. */
export function limited(rights: Rights, most: UserRole, project: ProjectId | undefined): Rights {
  if (project !== undefined) {
    const role = roleIn(rights, project);
    return { projects: role ? new Map([[project, lower(role, most)]]) : new Map() };
  }
  const projects = [...rights.projects].map(([id, role]): [ProjectId, ProjectRole] => [
    id,
    lower(role, most),
  ]);
  return { ...(rights.role ? { role: lower(rights.role, most) } : {}), projects: new Map(projects) };
}

/** Of a person's token: at most what it says, and what its owner has. One without owner has what it says. */
export function tokenRights({ spec }: Pick<Token, 'spec'>, owner: Pick<User, 'spec'> | undefined): Rights {
  const { role, project } = spec;
  if (role === 'agent' || role === 'join') return { projects: new Map() };
  if (owner) return limited(userRights(owner), role, project);
  return project === undefined ? { role, projects: new Map() } : { projects: new Map([[project, role]]) };
}

/** Has who holds these rights all of those? */
export function includesRights(rights: Rights, others: Rights): boolean {
  if (others.role && !includesRole(rights.role, others.role)) return false;
  return [...others.projects].every(([project, role]) => includesRole(roleIn(rights, project), role));
}

/** Does one of the needed roles come with these rights somewhere, in the cluster or in a project? */
export const heldSomewhere = (rights: Rights, needed: readonly RouteRole[]): boolean =>
  held(rights.role, undefined, needed) ||
  [...rights.projects.values()].some((role) => held(undefined, role, needed));

/** The same in one project, or of what belongs to none: somewhere. */
export const heldIn = (rights: Rights, project: string | undefined, needed: readonly RouteRole[]): boolean =>
  project === undefined
    ? heldSomewhere(rights, needed)
    : held(rights.role, rights.projects.get(project as ProjectId), needed);

const held = (
  role: UserRole | undefined,
  inProject: ProjectRole | undefined,
  needed: readonly RouteRole[],
): boolean =>
  (role !== undefined && needed.includes(role)) ||
  (inProject !== undefined && needed.includes(`project-${inProject}`));

/** `admin, operator, in the cluster or in the project`. */
export function rolesInWords(roles: readonly RouteRole[]): string {
  const own = roles.filter((role) => !role.startsWith('project-'));
  return `${own.join(', ')}${own.length < roles.length ? ', in the cluster or in the project' : ''}`;
}
