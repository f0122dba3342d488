// For script/test: the reports of its test stages (tools/test-report.ts), as counts in the first line and then in words.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const runs = process.argv.slice(2).map((file) => ({
  stage: basename(file, '.json'),
  ...JSON.parse(readFileSync(file, 'utf8')),
}));
const sum = (key) => runs.reduce((total, run) => total + run[key], 0);
console.log(sum('passed'), sum('failed'), sum('skipped'));

for (const { stage, slowest } of runs.filter((run) => run.slowest.length > 0)) {
  const files = slowest.map(([file, ms]) => `${basename(file)} ${Math.round(ms / 1000)} s`);
  console.log(`slowest of ${stage}: ${files.join(', ')}`);
}
for (const { stage, failures } of runs) {
  for (const [what, ...why] of failures) console.log([`FAIL ${stage} ${what}`, ...why].join('\n     '));
}
