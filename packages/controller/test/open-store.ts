/** Opens the store named on the command line, and says what came of it. */
import { SqliteStore } from '../src/store/sqlite-store.ts';

try {
  await new SqliteStore(process.argv[2] ?? '').close();
  console.log('opened');
} catch (error) {
  console.log((error as { code?: string }).code);
}
