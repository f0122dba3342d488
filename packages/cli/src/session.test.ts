import { isGantryError } from '@gantry/model';
import { expect, test } from 'vitest';
import { type Globals, Session } from './session.ts';
import { fakeIo } from './testing/fake-io.ts';

/** A terminal where somebody types this, or none. */
async function confirm(yes: boolean, given: string | undefined, typed?: string): Promise<string> {
  const io = fakeIo({}, typed === undefined ? undefined : {});
  if (typed !== undefined) {
    Object.assign(io.stdin, { isTTY: true });
    io.stdin.write(`${typed}\n`);
  }
  const globals = { output: 'table', yes, quiet: false, verbose: false, trace: false } as Globals;
  try {
    await new Session(io, globals).confirmName('cluster', 'prod', given);
    return 'confirmed';
  } catch (error) {
    if (isGantryError(error)) return error.message;
    throw error;
  }
}

test.each<[string, boolean, string | undefined, string | undefined, RegExp]>([
  ['the name beside --yes', true, 'prod', undefined, /^confirmed$/],
  ['--yes alone', true, undefined, undefined, /--yes alone is not enough/],
  ['--yes alone, at a terminal', true, undefined, 'prod', /--yes alone is not enough/],
  ['another name beside --yes', true, 'lab', undefined, /this is cluster prod, not lab/],
  ['the name without --yes, and nobody there', false, 'prod', undefined, /nobody can be asked/],
  ['nothing, and nobody there', false, undefined, undefined, /nobody can be asked/],
  ['the name, typed', false, undefined, 'prod', /^confirmed$/],
  ['the name with blanks, typed', false, undefined, ' prod ', /^confirmed$/],
  ['y, typed', false, undefined, 'y', /not the name/],
  ['nothing, typed', false, undefined, '', /not the name/],
  ['another name given, the right one typed', false, 'lab', 'prod', /not lab/],
])('confirmed by name: %s', async (_, yes, given, typed, expected) => {
  expect(await confirm(yes, given, typed)).toMatch(expected);
});

test.each(['\u0003', '\u0004', ''])(
  'asked, and %j is the answer: told plainly, whatever is done next',
  async (typed) => {
    const io = fakeIo({}, {});
    Object.assign(io.stdin, { isTTY: true, setRawMode: () => io.stdin });
    const session = new Session(io, { output: 'table' } as Globals);
    for (const question of [() => session.ask('Which one? '), () => session.askSecret('Password: ')]) {
      const refused = expect(question()).rejects.toMatchObject({ code: 'usage', exit: 2 });
      if (typed) io.stdin.write(typed);
      else io.stdin.end();
      await refused;
    }
  },
);
