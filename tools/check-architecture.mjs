// Runs dependency-cruiser over packages/ and fails on a broken rule, and also when it did not see every source file:
// without a parser for the installed TypeScript it reports "no violations" about no modules at all.
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const run = spawnSync(
  'depcruise',
  ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'packages'],
  {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  },
);
if (run.error ?? run.status !== 0) {
  console.error(`error: dependency-cruiser failed: ${run.error?.message ?? run.stderr}`);
  process.exit(1);
}
const { modules, summary } = JSON.parse(run.stdout);

const seen = new Set(modules.map(({ source }) => source));
const unseen = globSync('packages/*/{src,test}/**/*.ts').filter((file) => !seen.has(file));
const unresolved = modules.flatMap(({ source, dependencies }) =>
  dependencies
    .filter((d) => d.couldNotResolve)
    .map((d) => `${source} imports ${d.module}, which is not found`),
);
const broken = summary.violations.map(({ rule, from, to, cycle }) =>
  [`${rule.name}: ${from} -> ${to}`, ...(cycle ?? []).map((step) => `    via ${step.name}`)].join('\n'),
);
const problems = [...unseen.map((file) => `${file} was not looked at`), ...unresolved, ...broken];
if (seen.size === 0) problems.push('no modules were found');
for (const problem of problems) console.error(problem);
console.log(
  `${seen.size} modules, ${summary.totalDependenciesCruised} dependencies, ${problems.length} problems`,
);
process.exitCode = problems.length > 0 ? 1 : 0;
