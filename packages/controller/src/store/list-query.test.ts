import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { listSql } from './list-query.ts';
import { migrations } from './migrations.ts';
import type { Filter, Page } from './store.ts';

const db = new DatabaseSync(':memory:');
for (const sql of migrations) db.exec(sql);

const first = { cursor: Buffer.from('["a","b"]').toString('base64url'), limit: 10 };
test.each<[string, Filter, Page]>([
  ['object_owner (owner=? AND kind=?)', { owner: 'x' }, {}],
  ['object_owner (owner=? AND kind=?)', { owner: 'x', node: 'y', states: ['a'] }, { limit: 10 }],
  ['object_owner (owner=? AND kind=?)', { owner: 'x' }, { order: 'newest' }],
  ['object_node (node=? AND kind=?)', { node: 'x' }, first],
  ['object_state (kind=? AND state=?)', { states: ['a', 'b'] }, {}],
  ['object_name (kind=?)', { states: ['a'] }, { limit: 200 }],
  ['object_name (kind=? AND (name,id)>(?,?))', { project: 'x' }, first],
  ['object_created (kind=?', { project: 'x' }, { order: 'oldest', limit: 10 }],
])('finds by %s, whatever order is asked for: %j %j', (index, filter, page) => {
  const { sql, values } = listSql('guest', filter, page);
  const plan = db.prepare(`explain query plan ${sql}`).all(...values);
  expect(String(plan[0]?.['detail'])).toContain(index);
});
