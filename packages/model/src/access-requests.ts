/** Bodies of the API's writes about people, their tokens and their projects. */
import { Name } from './ids.ts';
import { changesOf, Ref } from './requests.ts';
import { tokenRoles, UserSpec, userRoles } from './resources/project.ts';
import { Quota } from './resources/quota.ts';
import { oneOf, optional, type Static, strict, stringMap, Timestamp, Type } from './schema.ts';

const labels = optional(stringMap('labels'));
const { fullName, role } = UserSpec.properties;

export const CreateUser = strict({ name: Name, labels, spec: optional(strict({ fullName, role })) });
export type CreateUser = Static<typeof CreateUser>;
export const SetUser = strict({
  fullName: optional(Type.Union([fullName, Type.Null()], { description: 'null unsets' })),
  role: optional(
    Type.Union([oneOf(userRoles), Type.Null()], { description: 'in the whole cluster; null: in none' }),
  ),
  disabled: optional(Type.Boolean({ description: 'let none of his tokens in' })),
});
export type SetUser = Static<typeof SetUser>;

export const CreateProject = strict({ name: Name, labels, quota: optional(Quota) });
export const SetProject = strict({
  quota: optional(
    changesOf<Quota>(Quota.properties, 'what the project may have at most: unlimited where nothing is said'),
  ),
  labels: optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()]), {
      description: 'key -> value; null unsets',
    }),
  ),
});
export type SetProject = Static<typeof SetProject>;
export const GrantProject = strict({ role: oneOf(userRoles) });

export const CreateToken = strict({
  name: optional(Name),
  spec: strict({
    role: optional(oneOf(tokenRoles, 'at most; default all that its user may')),
    user: optional(Ref),
    project: optional(Ref),
    node: optional(Ref),
    expiresAt: optional(Timestamp),
  }),
});
export type CreateToken = Static<typeof CreateToken>;
