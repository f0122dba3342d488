/** What every `list` has: fields, filter, sorting, --watch. */
import { watch } from '@gantry/client';
import { err } from '@gantry/model';
import type { Given } from '../given.ts';
import type { Column } from '../output/column.ts';
import type { ListWish } from '../output/output.ts';
import type { Printable } from '../output/printable.ts';
import type { Session } from '../session.ts';
import type { Flag } from '../verb.ts';

export interface Listing<T> {
  /** Kinds whose changes make it show something else, for --watch. */
  kinds: readonly string[];
  columns: readonly Column<T>[];
  fetch(session: Session, given: Given): Promise<readonly T[]>;
}

export const listFlags = <T>(columns: readonly Column<T>[]): readonly Flag[] => {
  const names = columns.map((column) => column.name);
  return [
    {
      flags: '--fields <fields>',
      description: `columns to show: ${names.join(',')} or paths such as spec.labels`,
      complete: () => names,
    },
    {
      flags: '--filter <expression>',
      description: "show only what fits, such as 'status=running and node=n1'",
      complete: () => columns.flatMap(comparisons),
    },
    {
      flags: '--sort <field>',
      description: 'order by a field; -FIELD turns it round',
      complete: () => names.flatMap((name) => [name, `-${name}`]),
    },
    { flags: '--watch', description: 'show it again at every change' },
  ];
};

/** What a shell can write without quotes. */
const comparisons = <T>({ name, values = [''] }: Column<T>): string[] =>
  values.filter((value) => !value.includes(' ')).map((value) => `${name}=${value}`);

/** Prints it once, or with --watch at every change until Ctrl-C. */
export async function runList<T>(session: Session, given: Given, listing: Listing<T>): Promise<void> {
  const wish: ListWish = {
    fields: given.text('fields')?.split(','),
    filter: given.text('filter'),
    sort: given.text('sort'),
  };
  const rows = async () => await listing.fetch(session, given);
  if (!given.on('watch')) return await session.out.list(await rows(), listing.columns, wish);
  await watchList(
    session,
    listing.kinds,
    async () => await session.out.listText(await rows(), listing.columns, wish),
  );
}

async function watchList(
  session: Session,
  kinds: readonly string[],
  text: () => Promise<Printable>,
): Promise<void> {
  if (kinds.length === 0)
    throw err('not_supported', { what: '--watch for this list', instead: 'Repeat the command.' });
  const stop = new AbortController();
  const off = session.io.onInterrupt(() => stop.abort());
  let shown: string | undefined;
  const show = async () => {
    const now = await text();
    if (now !== shown) session.out.redraw(now);
    shown = now;
  };
  try {
    await show();
    const onLost = () => session.note('the connection was lost; trying again');
    for await (const _ of watch(session.client, { kinds: kinds.join(',') }, { signal: stop.signal, onLost }))
      await show();
  } finally {
    off();
  }
}
