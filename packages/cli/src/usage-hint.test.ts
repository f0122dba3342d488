import { describe, expect, test } from 'vitest';
import { verbs } from './commands/all.ts';
import { buildProgram } from './program.ts';
import { everyCommand } from './run.ts';
import { usageHint } from './usage-hint.ts';

const program = buildProgram(verbs, async () => undefined);

describe('what to do after words that make no command', () => {
  test.each([
    [['frobnicate'], '`gantry help` lists the commands.'],
    [
      ['instance', 'nic', 'ls', 'web1'],
      'After `gantry instance nic` comes one of: attach, detach, set, show.',
    ],
    [['stop', 'web1'], 'Did you mean `gantry instance stop`?'],
    [['--project', 'start', 'reset'], 'Did you mean `gantry instance reset`?'],
    [['instance', 'nic', 'show', 'web1', 'nic0'], '`gantry instance nic show --help` explains it.'],
    [['--project', 'web', 'op', 'cancl'], 'After `gantry op` comes one of: '],
    [['operation', 'show', '--nope'], '`gantry op show --help` explains it.'],
    [['node', 'exec', '--', 'instance'], '`gantry node exec --help` explains it.'],
  ])('%j', (words, hint) => expect(usageHint(program, words)).toContain(hint));

  test('each noun says what it is', () => {
    const silent = [...everyCommand(program)].filter((one) => one.description() === one.name());
    expect(silent.map((one) => one.name())).toEqual([]);
  });
});
