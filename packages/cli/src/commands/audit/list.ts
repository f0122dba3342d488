import { type Event, err, parseDurationMs, type Query } from '@gantry/model';
import { userNames } from '../../names.ts';
import type { Column } from '../../output/column.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';

const columns: readonly Column<Event>[] = [
  { name: 'at', value: (row) => row.at },
  { name: 'user', value: (row) => row.actor },
  { name: 'what', value: (row) => row.audit?.route ?? row.type },
  { name: 'subject', value: (row) => row.subject && `${row.subject.kind} ${row.subject.name}` },
  { name: 'result', value: (row) => row.audit?.result },
  { name: 'op', value: (row) => row.audit?.operation },
  { name: 'message', value: (row) => row.message },
  { name: 'token', value: (row) => row.audit?.token?.name, wide: true },
  { name: 'from', value: (row) => row.audit?.from, wide: true },
  { name: 'request', value: (row) => row.requestId, wide: true },
  { name: 'number', value: (row) => row.number, wide: true },
];

/** `7d`, `12h` ago, or a time. @throws GantryError `invalid_argument` */
export function parseMoment(text: string, nowMs: number): string {
  if (/^\d+(\.\d+)?\s*(s|m|h|d)$/.test(text)) return new Date(nowMs - parseDurationMs(text)).toISOString();
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw err('invalid_argument', {
      what: JSON.stringify(text.slice(0, 64)),
      wanted: 'a time such as 2026-01-31T12:00:00Z, or how long ago, such as 7d',
    });
  return new Date(ms).toISOString();
}

const listing: Listing<Event> = {
  kinds: [],
  columns,
  fetch: ({ client }, given) => {
    const moment = (text: string) => parseMoment(text, Date.now());
    const query: NonNullable<Query<'listAudit'>> = {
      ...given.string('user', 'user'),
      ...given.string('subject', 'subject'),
      ...given.put('since', 'since', moment),
      ...given.put('until', 'until', moment),
      ...(given.on('refused') ? { refused: true } : {}),
    };
    return everyItem(client, 'listAudit', query, given.put('limit', 'limit', parseCount).limit ?? 100);
  },
};

export const auditList: Verb = {
  words: 'audit list',
  summary: 'who asked for what, from where, and what came of it, newest first',
  details:
    'Everything that changes something and everything that was refused; `accepted` is followed by a line of its own when the\n' +
    'operation ends. Administrators read all of it, those of a project what was asked for in it (--project).',
  flags: [
    { flags: '--user <user>', description: 'only what this user asked for', complete: userNames },
    {
      flags: '--subject <name>',
      description: 'only what concerns this instance or node, or the id of any other thing',
    },
    { flags: '--since <time>', description: 'from then on: a time, or how long ago (7d)' },
    { flags: '--until <time>', description: 'before that' },
    { flags: '--refused', description: 'only what was refused or failed' },
    { flags: '--limit <count>', description: 'how many to look at, default 100' },
    ...listFlags(columns).filter((flag) => flag.flags !== '--watch'),
  ],
  examples: [
    'gantry audit list --since 7d --user eve',
    "gantry audit list --refused --filter 'result=forbidden' -o json",
  ],
  run: (session, given) => runList(session, given, listing),
};
