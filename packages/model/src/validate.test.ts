import { expect, test } from 'vitest';
import { Name } from './ids.ts';
import { strict, Type } from './schema.ts';
import { validate } from './validate.ts';

const Body = strict({
  name: Name,
  tags: Type.Array(Type.String({ pattern: '^t', description: 'a word that begins with t' })),
  bare: Type.String({ pattern: '^x+$' }),
});

test('a text of the wrong form is told what form it has, in words where there are some', () => {
  expect(() => validate(Body, { name: 'bad name', tags: ['tee', 'coffee'], bare: 'y' })).toThrow(
    expect.objectContaining({
      code: 'invalid_body',
      message: [
        'the request is not valid: /name does not have its form: lower-case letters, digits, hyphens and dots, at most 63 characters, a valid host name',
        '/tags/1 does not have its form: a word that begins with t',
        '/bare must match pattern "^x+$"',
      ].join('; '),
    }) as Error,
  );
});
