import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { metaOf } from '../src/kinds.ts';
import { migrations } from '../src/store/migrations.ts';
import { SqliteStore } from '../src/store/sqlite-store.ts';
import { storeConformance } from './store-conformance.ts';
import { draft, flavor } from './store-objects.ts';
import { disk, guest, instance, project, sumOf, usageConformance } from './usage-conformance.ts';
import { watchConformance } from './watch-conformance.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-store-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const path = () => join(folder, `${files++}.db`);

for (const conformance of [storeConformance, watchConformance, usageConformance]) {
  conformance('SQLite in memory', async () => new SqliteStore(':memory:'));
  conformance('SQLite in a file', async () => new SqliteStore(path()));
}

test('a file is there again after opening it anew; the term rises', async () => {
  const file = path();
  const first = new SqliteStore(file);
  const { revision } = await first.commit(draft().add(flavor(1)).batch);
  await first.close();
  const second = new SqliteStore(file);
  expect((await second.list('flavor')).items).toHaveLength(1);
  expect(await second.revision()).toBe(revision);
  expect(second.term).toEqual({ incarnation: first.incarnation, number: first.term.number + 1 });
  await second.close();
});

test('numbers go on although all changes were compacted away', async () => {
  const file = path();
  const first = new SqliteStore(file);
  const { revision } = await first.commit(draft().add(flavor(1)).batch);
  await first.compact(Number.MAX_SAFE_INTEGER, 0);
  await first.close();
  const second = new SqliteStore(file);
  expect(await second.revision()).toBe(revision);
  await second.close();
});

test('a new incarnation has revisions of its own; objects can still be changed', async () => {
  const file = path();
  const first = new SqliteStore(file);
  await first.commit(draft().add(flavor(1)).batch);
  const old = await first.revision();
  await first.beginNewIncarnation();
  await first.close();
  const second = new SqliteStore(file);
  expect(second.incarnation).toBe(first.incarnation + 1);
  expect(await second.revision()).not.toBe(old);
  const [found] = await second.named('flavor', 'f1');
  if (!found) throw new Error('it is gone');
  await second.commit(draft().put(found).batch);
  await second.close();
});

test('a second controller is refused while the first lives', async () => {
  const file = path();
  const first = new SqliteStore(file);
  expect(() => new SqliteStore(file)).toThrowError(expect.objectContaining({ code: 'store_locked' }));
  const other = spawnSync(process.execPath, [join(import.meta.dirname, 'open-store.ts'), file], {
    encoding: 'utf8',
  });
  expect(other.stdout.trim()).toBe('store_locked');
  await first.close();
  await new SqliteStore(file).close();
});

test('a schema of a newer version is refused and left alone', () => {
  const file = path();
  const newer = new DatabaseSync(file);
  newer.exec('pragma user_version=9999');
  newer.close();
  expect(() => new SqliteStore(file)).toThrowError(expect.objectContaining({ code: 'store_unusable' }));
  const again = new DatabaseSync(file);
  expect(again.prepare('select count(*) as tables from sqlite_schema').get()).toMatchObject({ tables: 0 });
  again.close();
});

test('a store of the first schema is found by its labels', async () => {
  const file = path();
  const old = new DatabaseSync(file);
  old.exec(migrations[0] ?? '');
  const object = { ...flavor(1), labels: { tier: 'db' } };
  old
    .prepare("insert into object (kind, id, name, revision, created, body) values ('flavor', ?, ?, 1, 1, ?)")
    .run(object.id, object.name, JSON.stringify(object));
  old.exec('pragma user_version=1');
  old.close();
  const store = new SqliteStore(file);
  expect((await store.list('flavor', { labels: { tier: 'db' } })).items).toEqual([object]);
  expect((await store.list('flavor', { labels: { tier: 'web' } })).items).toEqual([]);
  await store.close();
});

test('what a store of an earlier schema holds is counted', async () => {
  const file = path();
  const old = new DatabaseSync(file);
  for (const sql of migrations.slice(0, 2)) old.exec(sql);
  const nics = [{ ipv4: '10.0.0.1', ipv6: 'fd00::1' }, { ipv4: '10.0.0.2' }, {}];
  const objects = [
    project(),
    instance(1, 2, 1024, nics),
    instance(2),
    guest(11, 1, 3, 700),
    guest(12, 2, 1, 512, { vcpus: 1, memoryMiB: 900 }),
    disk(21, 10),
  ];
  const insert = old.prepare(
    'insert into object (kind, id, name, project, owner, revision, created, body) values (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  for (const [index, object] of objects.entries()) {
    const { id, kind, name, owner, project: whose } = metaOf(object);
    insert.run(kind, id, name, whose ?? null, owner ?? null, index, index, JSON.stringify(object));
  }
  old.exec('pragma user_version=2');
  old.close();
  const store = new SqliteStore(file);
  const usage = await store.usage(project().id);
  expect(usage).toEqual({ instances: 2, vcpus: 4, memoryMiB: 1924, diskMiB: 10, addresses: 3 });
  expect(usage).toEqual(await sumOf(store));
  await store.close();
});

test('a folder that is not there, or a file that is no database, is store_unusable', async () => {
  expect(() => new SqliteStore(join(folder, 'none', 'x.db'))).toThrowError(
    expect.objectContaining({ code: 'store_unusable' }),
  );
});

test('on a full disk the commit is refused, nothing is half done, and reading goes on', () => {
  // the limit of file size stands for the disk: writing beyond it fails alike, in this process only
  const script = join(import.meta.dirname, 'fill-store.ts');
  const run = spawnSync(
    'bash',
    ['-c', 'trap "" XFSZ; ulimit -f 2048; exec "$0" "$@"', process.execPath, script, path()],
    {
      encoding: 'utf8',
    },
  );
  expect(run.stderr).toBe('');
  const { code, committed, found, foundAfterOpening } = JSON.parse(run.stdout) as Record<string, unknown>;
  expect(code).toBe('store_unusable');
  expect(found).toBe(committed);
  expect(foundAfterOpening).toBe(committed);
});
