/** Writes docs/reference from the tables that the program itself runs by: errors, routes, states, commands. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verbs } from '../packages/cli/src/commands/all.ts';
import { referencePage } from '../packages/guest/src/index.ts';
import {
  errorRegistry,
  instanceActions,
  type Route,
  rolesInWords,
  routes,
} from '../packages/model/src/index.ts';

const made = (title: string, intro: string): string =>
  `# ${title}\n\n<!-- made by tools/reference.ts -->\n\n${intro}\n`;
const row = (...cells: (string | number)[]): string =>
  `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
const table = (head: string[], rows: string[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows].join('\n');

const errors = (): string =>
  `${made('Errors', 'Codes are stable. The exit code of the command says what to do: 1 it failed, 2 correct the words, 3 not there, 4 not allowed, 5 conflict, 6 no capacity, 7 still running, 8 no API.')}\n${table(
    ['code', 'HTTP', 'exit', 'message', 'what to do'],
    Object.entries(errorRegistry).map(([code, e]) => row(`\`${code}\``, e.status, e.exit, e.message, e.hint)),
  )}\n`;

const api = (): string =>
  `${made('API', 'Every route, who may use it, and what it is for. Schemas are at `/openapi.json` of a running controller. Writes take an `Idempotency-Key`; long work answers 202 with an operation; errors are `application/problem+json`.')}\n${table(
    ['route', 'roles', 'answer', 'what'],
    Object.values<Route>(routes).map((r) =>
      row(`\`${r.method} ${r.path}\``, rolesInWords(r.roles) || 'anyone', r.stream ?? r.status, r.summary),
    ),
  )}\n`;

const states = (): string =>
  `${made('What an instance’s state permits', 'The API refuses everything else with `wrong_state`, naming the states that would do.')}\n${table(
    ['action', 'states'],
    Object.entries(instanceActions).map(([action, permitted]) => row(action, permitted.join(', '))),
  )}\n`;

function cli(): string {
  const shown = verbs.filter((verb) => !verb.hidden).toSorted((a, b) => (a.words < b.words ? -1 : 1));
  const parts = shown.map((verb) => {
    const words = (verb.arguments ?? []).map((argument) => ` ${argument.name}`).join('');
    const flags = (verb.flags ?? []).map((flag) => `* \`${flag.flags}\`: ${flag.description}`);
    const shortcut = verb.shortcut ? ` Short: \`gantry ${verb.shortcut}\`.` : '';
    return [
      `## gantry ${verb.words}${words}`,
      `${verb.summary}.${shortcut}`,
      ...(verb.details ? [verb.details] : []),
      ...(flags.length ? [flags.join('\n')] : []),
      `\`\`\`sh\n${verb.examples.join('\n')}\n\`\`\``,
    ].join('\n\n');
  });
  return `${made('Commands', 'Global options stand anywhere: `-o table|wide|json|yaml|csv|name`, `--yes`, `--quiet`, `--verbose`, `--trace`, `--cluster CONTEXT`.')}\n${parts.join('\n\n')}\n`;
}

/** File name -> content. */
export const reference = (): Record<string, string> => ({
  'errors.md': errors(),
  'api.md': api(),
  'states.md': states(),
  'commands.md': cli(),
  'extra-specs.md': referencePage('flavor'),
  'image-properties.md': referencePage('image'),
});

if (import.meta.main) {
  const folder = join(import.meta.dirname, '..', 'docs', 'reference');
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(reference())) writeFileSync(join(folder, name), content);
}
