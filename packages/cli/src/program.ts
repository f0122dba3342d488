/** The commander tree, made from the list of verbs. */

import { version } from '@gantry/model';
import { Argument, Command, Option } from 'commander';
import { Given } from './given.ts';
import { outputFormats } from './output/output.ts';
import type { Globals } from './session.ts';
import type { Complete, Flag, Verb } from './verb.ts';

/** Where the candidates of an argument or option come from. */
export const completions = new WeakMap<Argument | Option, Complete>();

const nouns: Record<string, string> = {
  cluster: 'the cluster itself',
  instance: 'virtual machines',
  image: 'what disks are made from',
  flavor: 'sizes and hardware of guests',
  guest: 'hardware of guests, also without a cluster',
  disk: 'virtual disks, and those of an instance',
  nic: 'network interfaces of an instance',
  cd: 'CD drives of an instance',
  network: 'networks and their addresses',
  node: 'machines that run guests',
  group: 'nodes that belong together, and what holds for all of them',
  op: 'operations: what was asked for, its steps and its end',
  placement: 'why a guest runs where it runs',
  event: 'what happened, and who did what',
  user: 'people and programs that may do something here',
  audit: 'who did what',
  token: 'credentials',
  project: 'whose things they are',
  context: 'clusters that this command knows',
  server: 'the controller of this machine',
  completion: 'completion of words in the shell',
};

export type Start = (verb: Verb, globals: Globals, given: Given) => Promise<void>;

/** The whole tree; `start` runs the chosen command. */
export function buildProgram(verbs: readonly Verb[], start: Start): Command {
  const program = quiet(new Command('gantry'))
    .description('Runs virtual machines on your own Linux servers.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .helpCommand('help [command]', 'explain a command')
    .usage('NOUN VERB [NAME...] [options]');
  for (const option of globalOptions()) program.addOption(option);
  program.addHelpText('after', FIRST_STEPS);
  for (const verb of verbs) addVerb(program, verb, start);
  return program;
}

const FIRST_STEPS = `
First steps:
  gantry cluster init                  make a cluster of this machine
  gantry launch debian/12 web1         a guest from an image
  gantry console web1                  its serial console
  gantry instance list`;

function globalOptions(): Option[] {
  const project = new Option(
    '--project <project>',
    'the project that names are looked up and things are made in',
  );
  completions.set(project, async ({ client }) =>
    (await client.call('listProjects', {})).items.map((one) => one.name),
  );
  const cluster = new Option('--cluster <context>', 'another cluster: see gantry context list');
  return [
    new Option('-o, --output <format>', 'how to write the result').choices(outputFormats).default('table'),
    project,
    cluster,
    new Option('-y, --yes', 'do not ask'),
    new Option('-q, --quiet', 'no progress and no notices'),
    new Option('-v, --verbose', 'more notices'),
    new Option('--trace', 'print every request'),
  ];
}

/** Errors are thrown for the one place that prints them. */
function quiet(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(true);
}

function addVerb(program: Command, verb: Verb, start: Start): void {
  const words = verb.words.split(' ');
  const last = words.pop() as string;
  const parent = words.reduce(nounOf, program);
  parent.addCommand(commandOf(last, verb, start), { hidden: verb.hidden === true });
  if (verb.shortcut)
    program.addCommand(commandOf(verb.shortcut, { ...verb, summary: `short for ${verb.words}` }, start));
}

/** Of a noun below another one: `instance nic`. */
function nounOf(parent: Command, noun: string): Command {
  const known = parent.commands.find((command) => command.name() === noun);
  if (known) return known;
  const command = quiet(new Command(noun))
    .description(nouns[noun] ?? noun)
    .helpCommand(false);
  // Hints of errors name the kind of the resource.
  if (noun === 'op') command.alias('operation');
  parent.addCommand(command);
  return command;
}

function commandOf(name: string, verb: Verb, start: Start): Command {
  const command = quiet(new Command(name)).description(verb.summary).summary(verb.summary);
  if (verb.alias) command.alias(verb.alias);
  for (const argument of verb.arguments ?? []) command.addArgument(argumentOf(argument));
  for (const flag of verb.flags ?? []) command.addOption(optionOf(flag));
  if (verb.raw) command.allowUnknownOption().allowExcessArguments().helpOption(false);
  const details = verb.details ? `\n${verb.details}\n` : '';
  const examples = verb.examples.map((line) => `  ${line}`).join('\n');
  command.addHelpText(
    'after',
    `${details}\n${verb.examples.length > 1 ? 'Examples' : 'Example'}:\n${examples}`,
  );
  command.action(async () => {
    const {
      output,
      yes,
      quiet: silent,
      verbose,
      trace,
      project,
      cluster,
    } = command.optsWithGlobals<Partial<Globals>>();
    const globals: Globals = {
      output: output ?? 'table',
      yes: yes === true,
      quiet: silent === true,
      verbose: verbose === true,
      trace: trace === true,
      ...(project === undefined ? {} : { project }),
      ...(cluster === undefined ? {} : { cluster }),
    };
    await start(verb, globals, new Given(command.args, command.opts()));
  });
  return command;
}

function argumentOf({ name, description, complete }: NonNullable<Verb['arguments']>[number]): Argument {
  const argument = new Argument(name.startsWith('[') ? name : `<${name}>`, description);
  if (complete) completions.set(argument, complete);
  return argument;
}

function optionOf(flag: Flag): Option {
  const option = new Option(
    flag.flags,
    flag.many ? `${flag.description} (may be repeated)` : flag.description,
  );
  if (flag.choices) option.choices(flag.choices);
  if (flag.many)
    option.argParser((value: string, before: unknown) => [...((before as string[]) ?? []), value]);
  if (flag.required) option.makeOptionMandatory();
  if (flag.complete) completions.set(option, flag.complete);
  return option;
}
