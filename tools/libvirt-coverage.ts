// Writes packages/libvirt/docs/coverage.md: each of libvirt's procedures, and what stands for it in the client.
// node tools/libvirt-coverage.ts [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import { domainEventKinds } from '../packages/libvirt/src/procedures/domain-events.ts';
import { eventSources } from '../packages/libvirt/src/procedures/event-sources.ts';
import { allTargets, procedures } from '../packages/libvirt/src/procedures/table.ts';

const PAGE = new URL('../packages/libvirt/docs/coverage.md', import.meta.url);
const LIST = new URL('./libvirt-procedures.txt', import.meta.url);
const PROGRAMS: Readonly<Record<string, number>> = { r: 0x20008086, q: 0x20008087 };

interface Row {
  readonly number: number;
  readonly name: string;
  readonly kind: 'method' | 'session' | 'event' | 'other form' | 'not here';
  readonly what: string;
}

const targets = new Map<string, string>(
  allTargets().map((target) => [`${target.program}:${target.procedure.number}`, target.name]),
);
const events = new Map<string, { source: string; kind: string }>(
  Object.entries(eventSources).flatMap(([source, { program, kinds }]) =>
    Object.entries(kinds).map(
      ([kind, { procedure }]) => [`${program}:${procedure}`, { source, kind }] as const,
    ),
  ),
);

/** What has no entry in the table, and why. */
const REASONS: readonly (readonly [RegExp, Row['kind'], string])[] = [
  [
    /_WITH_FILES$|^DOMAIN_OPEN_GRAPHICS(_FD)?$|^DOMAIN_FD_ASSOCIATE$/,
    'not here',
    'passes file descriptors, which Node.js cannot',
  ],
  [
    /^DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS$/,
    'not here',
    'tunnelled migration is made by libvirtd itself, with PEER2PEER and TUNNELLED',
  ],
  [
    /^DOMAIN_MIGRATE_.*3$/,
    'other form',
    'the form without typed parameters; `domainMigrate…3Params` is here',
  ],
  [
    /^DOMAIN_MIGRATE_/,
    'other form',
    'protocols 1 and 2 of migration, before libvirt 0.9.2; `domainMigrate…3Params` is here',
  ],
  [
    /^DOMAIN_EVENT_|^CONNECT_DOMAIN_EVENT_/,
    'other form',
    'events without a callback’s number, before libvirt 1.3; `domainEvents` is here',
  ],
  [
    /_CLOSE_CALLBACK$|_EVENT_CONNECTION_CLOSED$/,
    'not here',
    'for drivers that lose their own hypervisor (vz); the loss of the server is `closed`',
  ],
  [/^CONNECT_SET_IDENTITY$/, 'not here', 'between libvirt’s own daemons'],
];

function rowOf(program: number, number: number, name: string): Row {
  const key = `${program}:${number}`;
  const event = events.get(key);
  const target = targets.get(key);
  if (event !== undefined)
    return { number, name, kind: 'event', what: `\`${event.source}Events\` \`${event.kind}\`` };
  if (target !== undefined && Object.hasOwn(procedures, target))
    return { number, name, kind: 'method', what: `\`${target}\`` };
  if (target !== undefined) return { number, name, kind: 'session', what: 'by the client itself' };
  const reason = REASONS.find(([pattern]) => pattern.test(name));
  if (reason === undefined) throw new Error(`${name} is neither in the table nor among the reasons`);
  return { number, name, kind: reason[1], what: reason[2] };
}

function readRows(): Row[][] {
  const lines = readFileSync(LIST, 'utf8')
    .split('\n')
    .filter((line) => /^[rq] /.test(line));
  return ['r', 'q'].map((letter) =>
    lines
      .map((line) => line.split(' '))
      .filter(([of]) => of === letter)
      .map(([, number, name = '']) => rowOf(PROGRAMS[letter] ?? 0, Number(number), name)),
  );
}

const table = (rows: readonly Row[]): string =>
  ['| number | procedure | kind | here |', '|---|---|---|---|']
    .concat(rows.map(({ number, name, kind, what }) => `| ${number} | ${name} | ${kind} | ${what} |`))
    .join('\n');

/** The whole page. */
export function coveragePage(): string {
  const [remote = [], qemu = []] = readRows();
  const all = [...remote, ...qemu];
  const count = (kind: Row['kind']): number => all.filter((row) => row.kind === kind).length;
  return `# Coverage

Each of the ${all.length} procedures of libvirt 9.0.0: ${count('method')} are methods, ${count('session')} are called by the client itself, ${count('event')} are events
(${Object.keys(domainEventKinds).length} of domains). ${count('other form')} are older forms of what is here, ${count('not here')} are not here. Made by
\`node tools/libvirt-coverage.ts\` from the table of calls; a test keeps it current.

## The remote program

${table(remote)}

## QEMU's own program

${table(qemu)}
`;
}

if (import.meta.main) {
  const page = coveragePage();
  if (!process.argv.includes('--check')) writeFileSync(PAGE, page);
  else if (readFileSync(PAGE, 'utf8') !== page) {
    console.error('packages/libvirt/docs/coverage.md is not current: run node tools/libvirt-coverage.ts');
    process.exitCode = 1;
  }
}
