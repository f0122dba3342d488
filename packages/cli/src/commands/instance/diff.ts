import { err, type GuestDifference, type InstanceDiff } from '@gantry/model';
import { instanceArgument } from '../../names.ts';
import type { Column } from '../../output/column.ts';
import { join, section } from '../../output/describe.ts';
import { table } from '../../output/table.ts';
import { problemText } from '../../report-error.ts';
import type { Verb } from '../../verb.ts';
import { valueText } from './settings.ts';

export const instanceDiff: Verb = {
  words: 'instance diff',
  shortcut: 'diff',
  summary: 'how the running guest differs from what its settings would give now',
  details: [
    'Compares the domain as libvirt reports it with what flavor, image, instance and defaults come to today.',
    'What was changed by hand is shown too. A stopped guest is compared as it was defined last.',
    'Changes apply at the next start (stop and start; a reboot inside the guest keeps its QEMU). `live`: the running guest',
    'could take it, and does where a command of its own changes it (`instance set`, `disk set`, `nic set`); what groups and the',
    'cluster say waits for its next start all the same. `rebuild`: this instance keeps what its flavor and image said when it',
    'was made, and only one made anew gets it.',
    'Exits with 0 whether there are differences or not; with --exit-code and differences with 1.',
  ].join('\n'),
  arguments: [instanceArgument],
  flags: [{ flags: '--exit-code', description: 'fail when there are differences' }],
  examples: [
    'gantry instance diff web1',
    'gantry instance diff web1 -o json',
    'gantry instance diff web1 --exit-code --quiet',
  ],
  async run({ client, out }, given) {
    const diff = await client.call('diffInstance', { params: { ref: given.arg(0, 'name') } });
    if (out.format === 'csv') await out.list(diff.differences, columns);
    else await out.object(diff, diff.name, () => describe(diff, out.format === 'wide'));
    const count = diff.differences.length;
    if (given.on('exitCode') && (count > 0 || diff.refused))
      throw err('guest_differs', { name: diff.name, count: count === 0 ? 'refused' : places(count) });
  },
};

const places = (count: number): string => (count === 1 ? 'in 1 place' : `in ${count} places`);

const columns: readonly Column<GuestDifference>[] = [
  { name: 'element', value: ({ path }) => path.replace(/^\/domain\/?/, '') },
  { name: 'change', value: ({ change }) => change },
  { name: 'cause', value: ({ cause }) => cause },
  { name: 'now', value: ({ now }) => now },
  { name: 'wanted', value: ({ wanted }) => wanted },
  { name: 'level', value: ({ level }) => level },
  { name: 'source', value: ({ source }) => source },
  { name: 'rule', value: ({ rule }) => rule },
  { name: 'applies', value: ({ applies }) => applies },
  { name: 'why', value: ({ why }) => why },
];

function describe(diff: InstanceDiff, whole: boolean): string {
  const { name, compared, differences, refused } = diff;
  const what = compared === 'running' ? 'the running guest' : 'the last definition of the stopped guest';
  const head =
    differences.length === 0
      ? `${name}: ${what} is as its settings would make it now`
      : `${name}: ${what} differs from what its settings would make now, ${places(differences.length)}`;
  return join(
    head,
    section(
      'Differences',
      grid(
        differences.filter(({ cause }) => cause === 'settings'),
        whole,
      ),
    ),
    section(
      'Changed by hand',
      grid(
        differences.filter(({ cause }) => cause === 'foreign'),
        whole,
      ),
    ),
    section(
      refused ? `Refused ${refusedTitles[refused.settings]}` : '',
      refused ? problemText(refused.problem) : '',
    ),
  );
}

const refusedTitles = {
  'next-start': 'at the next start',
  rebuild: 'for an instance made anew',
} as const;

/** Of a value; the whole is in -o wide and -o json. */
const VALUE_WIDTH = 40;

function grid(differences: readonly GuestDifference[], whole: boolean): string {
  if (differences.length === 0) return '';
  const cell = (value: string | undefined) => {
    if (value === undefined) return '-';
    const text = whole ? value : value.startsWith('<') ? valueText(value) || 'there' : value;
    return !whole && text.length > VALUE_WIDTH ? `${text.slice(0, VALUE_WIDTH - 1)}…` : text;
  };
  const rows = differences.map((one) => [
    one.path.replace(/^\/domain\/?/, ''),
    cell(one.now),
    cell(one.wanted),
    one.level ? `${one.level} (${one.source}): ${one.rule}` : one.rule,
    one.applies,
    one.why,
  ]);
  return table(['ELEMENT', 'NOW', 'WANTED', 'DECIDED BY', 'APPLIES', 'WHY'], rows).replace(/^/gm, '  ');
}
