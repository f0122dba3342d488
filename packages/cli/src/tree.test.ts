import { afterAll, expect, test } from 'vitest';
import { verbs } from './commands/all.ts';
import { candidatesFor } from './completion/walker.ts';
import { connect } from './connect.ts';
import { buildProgram } from './program.ts';
import { everyCommand } from './run.ts';
import { Session } from './session.ts';
import { FakeApi } from './testing/fake-api.ts';
import { fakeIo } from './testing/fake-io.ts';

const globals = { output: 'table', yes: false, quiet: false, verbose: false, trace: false } as const;
const tree = () => buildProgram(verbs, async () => undefined);
const session = () =>
  new Session(
    fakeIo({ GANTRY_ENDPOINT: 'unix:/nowhere', GANTRY_CONFIG: '/nowhere/config.json' }),
    globals,
    connect,
  );

test.each(verbs.map((verb) => [verb.words, verb] as const))('%s is whole', async (words, verb) => {
  for (const example of verb.examples) expect(example).toContain('gantry ');
  expect(verb.examples.join('\n')).toMatch(new RegExp(`gantry (${words}|${verb.shortcut ?? words})\\b`));
  expect(verb.summary).not.toMatch(/[.]$/);
  if (words.endsWith(' list')) {
    expect(verb.examples.join('\n')).toContain('-o json');
    const flags = verb.flags?.map((flag) => flag.flags.split(' ')[0]);
    expect(flags).toEqual(expect.arrayContaining(['--fields', '--filter', '--sort']));
  }
});

/** Never started: help asks nobody. */
const api = new FakeApi();
afterAll(() => api.stop());

test.each(verbs.filter((verb) => !verb.raw).map((verb) => [verb.words]))(
  'gantry %s --help has an example',
  async (words) => {
    const { code, out } = await api.gantry(...words.split(' '), '--help');
    expect(code).toBe(0);
    expect(out).toMatch(/\nExamples?:\n {2}/);
    expect(api.asked).toEqual([]);
  },
);

test('what may be left out of an argument is shown so', async () => {
  const usage = async (...words: string[]) => (await api.gantry(...words, '--help')).out.split('\n')[0];
  expect(await usage('instance', 'cd', 'eject')).toBe(
    'Usage: gantry instance cd eject [options] <INSTANCE[:N]>',
  );
  expect(await usage('instance', 'cd', 'attach')).toMatch(/ <NAME> \[IMAGE\]$/);
  expect(await usage('instance', 'stats')).toMatch(/ \[NAME[.\]]*$/);
});

test.each(verbs.filter((verb) => !verb.hidden).map((verb) => [verb.words]))(
  '%s is completed from its beginning',
  async (words) => {
    const parts = words.split(' ');
    const last = parts.pop() ?? '';
    const found = await candidatesFor(session(), tree(), [...parts, last.slice(0, 2)]);
    expect(found.map(([value]) => value)).toContain(last);
  },
);

test('no own option hides a global one, and none is there twice', () => {
  const program = buildProgram(verbs, async () => undefined);
  const global = new Set(program.options.flatMap(({ short, long }) => [short, long]));
  for (const command of everyCommand(program)) {
    const own = command.options.flatMap(({ short, long }) =>
      [short, long].filter((name) => name !== undefined),
    );
    expect(
      own.filter((name) => global.has(name)),
      command.name(),
    ).toEqual([]);
    expect(new Set(own).size, command.name()).toBe(own.length);
  }
});

test('the examples are accepted by the parser', async () => {
  const lines = verbs.filter((verb) => !verb.raw && !verb.hidden).flatMap((verb) => verb.examples);
  for (const line of lines.filter((text) => /^gantry /.test(text) && !/[|$<>]/.test(text))) {
    const words = [...line.matchAll(/'([^']*)'|(\S+)/g)]
      .map(([, quoted, word]) => quoted ?? word ?? '')
      .slice(1);
    let started = '';
    const program = buildProgram(verbs, async (verb) => {
      started = verb.words;
    });
    await program.parseAsync(words, { from: 'user' });
    expect(started, line).not.toBe('');
  }
});
