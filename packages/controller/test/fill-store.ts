/** Writes to the store named on the command line until it is refused. */
import { SqliteStore } from '../src/store/sqlite-store.ts';
import { draft, flavor } from './store-objects.ts';

const path = process.argv[2] ?? '';
const store = new SqliteStore(path);
let committed = 0;
let code: unknown;
const labels = { filler: 'x'.repeat(1000) };
while (code === undefined && committed < 100_000) {
  try {
    await store.commit(draft().add({ ...flavor(committed + 1), labels }).batch);
    committed++;
  } catch (error) {
    code = (error as { code?: string }).code ?? String(error);
  }
}
const count = async (from: SqliteStore) => (await from.list('flavor')).items.length;
const found = await count(store);
await store.close();
const again = new SqliteStore(path);
const foundAfterOpening = await count(again).catch((error: unknown) => String(error));
console.log(JSON.stringify({ code, committed, found, foundAfterOpening }));
