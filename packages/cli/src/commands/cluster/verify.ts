import { checkNames, err, type Finding } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import type { Verb } from '../../verb.ts';

const columns: readonly Column<Finding>[] = [
  { name: 'severity', value: ({ severity }) => severity },
  { name: 'check', value: ({ check }) => check },
  { name: 'kind', value: ({ kind }) => kind },
  { name: 'name', value: ({ name }) => name },
  { name: 'message', value: ({ message }) => message },
  { name: 'remedy', value: ({ remedy }) => remedy, wide: true },
];

export const clusterVerify: Verb = {
  words: 'cluster verify',
  summary: 'everything that should hold and does not, with what to do',
  details:
    'Compares the store with what every node finds on itself now: guests, disks and leftovers, images, storages, networks, filters, addresses,\n' +
    'certificates, clocks, versions, CPUs, memory for the death of a node. It changes nothing. What an operation is working on is left out. The exit code is 1 where there is an error, 0 with warnings only.',
  flags: [{ flags: '--check <name>', description: 'only this check', many: true, choices: checkNames }],
  examples: ['gantry cluster verify', 'gantry cluster verify --check disks --check domains -o json'],
  async run(session, given) {
    const wanted = given.all('check');
    const query = wanted.length > 0 ? { checks: wanted.join(',') } : {};
    const { findings, nodes, checks, silent } = await session.client.call('verifyCluster', { query });
    if (session.out.forPeople) for (const finding of findings) session.out.line(textOf(finding));
    else await session.out.list(findings, columns);
    const errors = findings.filter(({ severity }) => severity === 'error').length;
    const asked = `${count(checks.length, 'check')}, ${count(nodes.length, 'node')} asked`;
    const unasked = silent.length > 0 ? `, ${silent.join(', ')} did not answer` : '';
    const result = `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`;
    session.note(`${asked}${unasked}: ${findings.length > 0 ? result : 'all is well'}`);
    if (errors > 0) throw err('verify_found', { count: errors });
  },
};

const textOf = ({ severity, kind, name, message, remedy }: Finding): string =>
  `${severity.padEnd(7)}  ${kind} ${name}: ${message}\n         ${remedy}`;

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
