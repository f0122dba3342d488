import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Token, User, UserRole } from './resources/project.ts';
import {
  heldIn,
  heldSomewhere,
  includesRights,
  limited,
  type Rights,
  roleIn,
  rolesInWords,
  tokenRights,
  userRights,
} from './roles.ts';
import { operators, projectAdmins } from './routes/shapes.ts';

const [blue, red] = ['blue', 'red'] as never[] as [never, never];
const user = (spec: object): Pick<User, 'spec'> => ({ spec: spec as User['spec'] });
const token = (spec: object): Pick<Token, 'spec'> => ({ spec: spec as Token['spec'] });
const shown = ({ role, projects }: Rights) => [role, Object.fromEntries(projects)];

test.each<[string, object, object | undefined, unknown]>([
  ['all that its user has', { role: 'admin' }, { role: 'operator' }, ['operator', {}]],
  ['less than its user has', { role: 'viewer' }, { role: 'admin' }, ['viewer', {}]],
  [
    'one project',
    { role: 'admin', project: 'blue' },
    { role: 'operator' },
    [undefined, { blue: 'operator' }],
  ],
  [
    'one project of several',
    { role: 'operator', project: 'blue' },
    { projects: { blue: 'admin', red: 'admin' } },
    [undefined, { blue: 'operator' }],
  ],
  [
    'a project that its user is not in',
    { role: 'admin', project: 'red' },
    { projects: { blue: 'admin' } },
    [undefined, {}],
  ],
  [
    'the higher of two roles',
    { role: 'admin', project: 'blue' },
    { role: 'viewer', projects: { blue: 'operator' } },
    [undefined, { blue: 'operator' }],
  ],
  [
    'a disabled user',
    { role: 'admin' },
    { role: 'admin', disabled: true, projects: { blue: 'admin' } },
    [undefined, {}],
  ],
  ['no user', { role: 'operator' }, undefined, ['operator', {}]],
  ['no user, one project', { role: 'admin', project: 'blue' }, undefined, [undefined, { blue: 'admin' }]],
  ['an agent', { role: 'agent', node: 'n' }, undefined, [undefined, {}]],
])('a token of %s', (_, spec, owner, expected) => {
  expect(shown(tokenRights(token(spec), owner && user(owner)))).toEqual(expected);
});

const roles = ['viewer', 'operator', 'admin'] as const;
const role = fc.constantFrom<UserRole>(...roles);
const maybe = fc.option(role, { nil: undefined });
const rights = fc
  .record({ role: maybe, blue: maybe, red: maybe })
  .map(({ role: all, ...by }) => userRights(user({ role: all, projects: JSON.parse(JSON.stringify(by)) })));
const project = fc.constantFrom(undefined, blue, red);

describe('whatever the rights', () => {
  test('limiting them never adds any', () => {
    fc.assert(
      fc.property(rights, role, project, (all, most, where) => {
        const less = limited(all, most, where);
        expect(includesRights(all, less)).toBe(true);
        for (const one of [blue, red, undefined])
          expect([undefined, ...roles].indexOf(roleIn(less, one))).toBeLessThanOrEqual(
            [undefined, ...roles].indexOf(roleIn(all, one)),
          );
      }),
    );
  });

  test('including is reflexive, and no one includes what gives him a role he has not', () => {
    fc.assert(
      fc.property(rights, rights, (a, b) => {
        expect(includesRights(a, a)).toBe(true);
        const more = [blue, red, undefined].some(
          (one) =>
            [undefined, ...roles].indexOf(roleIn(b, one)) > [undefined, ...roles].indexOf(roleIn(a, one)),
        );
        expect(includesRights(a, b)).toBe(!more);
      }),
    );
  });

  test('a role in a project is held somewhere', () => {
    fc.assert(
      fc.property(rights, (all) => {
        for (const needs of [operators, projectAdmins])
          if (heldIn(all, blue, needs)) expect(heldSomewhere(all, needs)).toBe(true);
      }),
    );
  });
});

test('in words', () => {
  expect(rolesInWords(operators)).toBe('admin, operator, in the cluster or in the project');
  expect(rolesInWords(['admin'])).toBe('admin');
});
