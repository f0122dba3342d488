// Fails on source files of more than 300 lines, except tests and those which tools/long-files.txt lists with a reason.
import { globSync, readFileSync, statSync } from 'node:fs';

const limit = 300;
const list = 'tools/long-files.txt';
const sources = globSync([
  'packages/*/{src,test}/**/*.{ts,tsx}',
  'test/**/*',
  'bench/**/*',
  'tools/**/*',
  'script/**/*',
  'bin/*',
])
  .filter((file) => statSync(file).isFile())
  .filter((file) => !/[.](test[.]ts|gen[.]ts|txt|json|xml|md|gz)$|[/]golden[/]/.test(file));

const allowed = new Map();
for (const line of readFileSync(list, 'utf8').split('\n')) {
  if (line === '' || line.startsWith('#')) continue;
  const [, file, reason] = /^(\S+)\s+(\S.*)$/.exec(line) ?? [];
  if (reason === undefined) throw new Error(`${list}: a line must be "file reason": ${line}`);
  allowed.set(file, reason);
}

const lines = (file) => readFileSync(file, 'utf8').split('\n').length - 1;
const long = new Map(sources.map((file) => [file, lines(file)]).filter(([, count]) => count > limit));
const problems = [...long]
  .filter(([file]) => !allowed.has(file))
  .map(
    ([file, count]) =>
      `${file} has ${count} lines, more than ${limit}: cut it, or list it in ${list} with a reason`,
  );
for (const file of allowed.keys()) {
  if (!long.has(file)) problems.push(`${file} is no longer a long file: take it out of ${list}`);
}
for (const problem of problems) console.error(problem);
console.log(`${sources.length} files, ${long.size} above ${limit} lines, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
