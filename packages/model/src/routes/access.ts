/** Routes: who asks, users, their tokens, projects and who is in them. */
import {
  CreateProject,
  CreateToken,
  CreateUser,
  GrantProject,
  SetProject,
  SetUser,
} from '../access-requests.ts';
import { Name, ProjectId, UserId } from '../ids.ts';
import { Project, Token, User, userRoles } from '../resources/project.ts';
import { oneOf, optional, type Static, strict, Type } from '../schema.ts';
import {
  admin,
  all,
  create,
  get,
  list,
  listQuery,
  page,
  planQuery,
  projectAdmins,
  type Route,
  remove,
} from './shapes.ts';

export const Whoami = strict({
  token: Token,
  user: optional(User),
  role: optional(oneOf(userRoles, 'of this token in the whole cluster')),
  projects: Type.Array(strict({ id: ProjectId, name: Type.String(), role: oneOf(userRoles) }), {
    description: 'roles of this token in single projects',
  }),
});
export type Whoami = Static<typeof Whoami>;

/** Somebody in a project. */
export const Member = strict({
  user: UserId,
  name: Name,
  fullName: User.properties.spec.properties.fullName,
  role: oneOf(userRoles),
});
export type Member = Static<typeof Member>;

export const accessRoutes = {
  whoami: {
    method: 'GET',
    path: '/v1/whoami',
    summary: 'whose the token is, and what it may',
    roles: [...all, 'agent'],
    status: 200,
    response: Whoami,
  },
  listUsers: list('/v1/users', 'users: all for an administrator, oneself for others', User),
  getUser: get('/v1/users', 'user', User),
  createUser: create('/v1/users', 'user', CreateUser, User, admin),
  setUser: {
    method: 'PATCH',
    path: '/v1/users/:ref',
    summary: 'set role in the cluster and name, disable or enable',
    roles: admin,
    status: 200,
    query: planQuery,
    body: SetUser,
    response: User,
  },
  deleteUser: { ...remove('/v1/users', 'user', User, admin), summary: 'delete a user and his tokens' },
  listProjects: list('/v1/projects', 'projects', Project),
  getProject: get('/v1/projects', 'project', Project),
  createProject: create('/v1/projects', 'project', CreateProject, Project, admin),
  setProject: {
    method: 'PATCH',
    path: '/v1/projects/:ref',
    summary: 'set labels, and how much it may have at most',
    roles: admin,
    status: 200,
    query: planQuery,
    body: SetProject,
    response: Project,
  },
  deleteProject: remove('/v1/projects', 'project', Project, admin),
  listMembers: {
    method: 'GET',
    path: '/v1/projects/:ref/members',
    summary: 'users with a role in the project',
    roles: all,
    status: 200,
    response: strict({ items: Type.Array(Member) }),
  },
  grantProject: {
    method: 'PUT',
    path: '/v1/projects/:ref/members/:user',
    summary: 'give a user a role in the project, instead of the one that he has there',
    roles: projectAdmins,
    status: 200,
    query: planQuery,
    body: GrantProject,
    response: Member,
  },
  revokeProject: {
    method: 'DELETE',
    path: '/v1/projects/:ref/members/:user',
    summary: 'take away the role of a user in the project; answers the one that he had',
    roles: projectAdmins,
    status: 200,
    query: planQuery,
    response: Member,
  },
  listTokens: {
    method: 'GET',
    path: '/v1/tokens',
    summary: 'list tokens (never their secrets): all for an administrator, one’s own for others',
    roles: all,
    status: 200,
    query: listQuery,
    response: page(Token),
  },
  createToken: {
    method: 'POST',
    path: '/v1/tokens',
    summary: 'make a token; its secret is shown this once',
    roles: all,
    status: 201,
    body: CreateToken,
    response: strict({ token: Token, secret: Type.String() }),
  },
  revokeToken: {
    method: 'POST',
    path: '/v1/tokens/:ref/revoke',
    summary: 'end a token at once; it stays listed for a month',
    roles: all,
    status: 200,
    query: planQuery,
    response: Token,
  },
  deleteToken: remove('/v1/tokens', 'token', Token, all),
} as const satisfies Record<string, Route>;
