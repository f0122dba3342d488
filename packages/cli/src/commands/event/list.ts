import { type Event, eventLevels } from '@gantry/model';
import type { Column } from '../../output/column.ts';
import { parseCount } from '../../parse.ts';
import type { Verb } from '../../verb.ts';
import { type Listing, listFlags, runList } from '../list.ts';
import { everyItem } from '../pages.ts';

const columns: readonly Column<Event>[] = [
  { name: 'at', value: (row) => row.at },
  { name: 'level', value: (row) => row.level, values: eventLevels },
  { name: 'type', value: (row) => row.type },
  { name: 'subject', value: (row) => row.subject && `${row.subject.kind} ${row.subject.name}` },
  { name: 'by', value: (row) => row.actor },
  { name: 'message', value: (row) => row.message },
  { name: 'number', value: (row) => row.number, wide: true },
  { name: 'request', value: (row) => row.requestId, wide: true },
];

const listing: Listing<Event> = {
  kinds: [],
  columns,
  fetch: ({ client }, given) =>
    everyItem(
      client,
      'listEvents',
      { ...given.string('subject', 'subject'), ...given.string('type', 'type') },
      given.put('limit', 'limit', parseCount).limit ?? 50,
    ),
};

export const eventList: Verb = {
  words: 'event list',
  summary: 'what happened and who did what, newest first',
  flags: [
    { flags: '--subject <id>', description: 'only what concerns this object' },
    { flags: '--type <type>', description: 'only this type, such as guest.crashed' },
    { flags: '--limit <count>', description: 'how many to look at, default 50' },
    ...listFlags(columns).filter((flag) => flag.flags !== '--watch'),
  ],
  examples: ['gantry event list', "gantry event list --filter 'level!=info' -o json"],
  run: (session, given) => runList(session, given, listing),
};
