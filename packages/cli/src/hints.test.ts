/** What an error tells people to type exists: every command in a hint is one of the table, whatever the error is about. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { err, errorRegistry } from '@gantry/model';
import { expect, test } from 'vitest';
import { verbs } from './commands/all.ts';

const packages = join(import.meta.dirname, '..', '..');
const sources = readdirSync(packages, { recursive: true, encoding: 'utf8' })
  .filter((path) => /^\w+\/src\/.*\.ts$/.test(path) && !/\.test\.ts$|\/testing\//.test(path))
  .map((path) => readFileSync(join(packages, path), 'utf8'));

/** What stands in `{}` of a template, as a word. */
const filled = (text: string) => text.replaceAll(/\$?\{[^}]*\}/g, 'n1');
const commandsIn = (text: string): string[] =>
  [...filled(text).matchAll(/`gantry ([^`]+)`/g)].map(([, words = '']) => words.replace(/\\$/, ''));
const known = ['help', ...verbs.flatMap(({ words, shortcut }) => (shortcut ? [words, shortcut] : [words]))];
/** Where a word of the command itself is filled in, what stands before it is looked at. */
const exists = (command: string): boolean => {
  const fixed = command.split(' n1')[0] ?? '';
  return known.some(
    (words) => command === words || command.startsWith(`${words} `) || words.startsWith(`${fixed} `),
  );
};
const unknownIn = (text: string) => commandsIn(text).filter((command) => !exists(command));

test.each(Object.entries(errorRegistry))('%s', (_code, { message, hint }) => {
  const template = 'gantry {kind} list';
  expect(unknownIn(message + hint.replace(template, 'gantry node list'))).toEqual([]);
});

/** Of resources, and of what else is said not to exist. */
const kinds = new Set(
  sources.flatMap((source) => [
    ...[...source.matchAll(/\bresource\(\s*'(\w+)'/g)].map(([, kind = '']) => kind),
    ...[...source.matchAll(/err\(\s*'not_found',\s*\{\s*kind: (?:'([^']+)'|`([^`]+)`)/g)].map(
      ([, plain, template]) => filled(plain ?? template ?? ''),
    ),
  ]),
);
const hintFor = (kind: string) => err('not_found', { kind, name: 'x' }).hint;

test('the kinds are found', () => {
  for (const kind of ['instance', 'operation', 'replica', 'NIC', 'domain', 'context', 'tunnel'])
    expect([...kinds]).toContain(kind);
});

test('a domain is looked for on its node', () => {
  const error = err('not_found', { kind: 'domain', name: 'Mail on node n2', node: 'n2' });
  expect(error.message).toBe('domain Mail on node n2 does not exist');
  expect(error.hint).toContain('gantry node exec --node n2 -- virsh list --all');
});

test.each([...kinds])('%s that does not exist', (kind) => {
  const hint = hintFor(kind);
  expect(unknownIn(hint)).toEqual([]);
  expect(hint).toMatch(/^[A-Z`].*\.$/);
  if (verbs.some(({ words }) => words === `${kind} list`)) expect(hint).toContain(`\`gantry ${kind} list\``);
});

const code = (source: string) => source.replaceAll(/^\s*(\*|\/\/|\/\*\*).*$/gm, '');
const said = new Set(
  sources
    .map(code)
    .flatMap(commandsIn)
    .filter((command) => !command.startsWith('n1 ')),
);

test.each([...said])('gantry %s, as some text has it', (command) => {
  expect(exists(command)).toBe(true);
});
