// For script/test: the reports of its test stages, as counts in the first line and then in words.
import { basename } from 'node:path';
import { stagesOf } from './test-reports.mjs';

const SLOWEST = 5;

const stages = stagesOf(process.argv.slice(2));
const sum = (key) => stages.flatMap(({ files }) => files).reduce((total, file) => total + file[key], 0);
console.log(sum('passed'), sum('failed'), sum('skipped'));

for (const { stage, files } of stages.filter((run) => run.files.length > 0)) {
  const slowest = files.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST);
  const told = slowest.map(({ file, ms }) => `${basename(file)} ${Math.round(ms / 1000)} s`);
  console.log(`slowest of ${stage}: ${told.join(', ')}`);
}
const tell = (word, stage, [what, ...why]) =>
  console.log([`${word} ${stage} ${what}`, ...why].join('\n     '));
for (const { stage, unsteady, failures } of stages) {
  for (const one of unsteady) tell('UNSTEADY (failed, then whole in a run of its file alone)', stage, one);
  for (const one of failures) tell('FAIL', stage, one);
}
