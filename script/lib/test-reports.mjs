// What script/test reads of its stages' reports (tools/test-report.ts).
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** More than that is no accident of one file. */
const MOST_AGAIN = 2;

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const failing = ({ files }) => files.filter(({ failures }) => failures.length > 0);

/** The files that are to run once more: none where a second run would say nothing new. */
export function toRunAgain(path) {
  const report = read(path);
  const files = failing(report).map(({ file }) => file);
  return report.outside.length === 0 && files.length <= MOST_AGAIN ? files : [];
}

const nothing = { files: [], outside: [] };
const secondOf = (path) => path.replace(/[.]json$/, '.again.json');

/**
 * The stages, of DIR/STAGE.json and of DIR/STAGE.again.json, which counts for the files in it. `unsteady` are the failures
 * of files that were whole in their second run.
 */
export function stagesOf(paths) {
  const seconds = new Set(paths.map(secondOf));
  return paths
    .filter((path) => !seconds.has(path))
    .map((path) => {
      const second = paths.includes(secondOf(path)) ? read(secondOf(path)) : nothing;
      return stageOf(basename(path, '.json'), read(path), second);
    });
}

function stageOf(stage, first, second) {
  const later = new Map(second.files.map((one) => [one.file, one]));
  const files = first.files.map((one) => later.get(one.file) ?? one);
  const whole = failing(first).filter(({ file }) => later.get(file)?.failures.length === 0);
  return {
    stage,
    files,
    failures: [...files, { failures: [...first.outside, ...second.outside] }].flatMap((one) => one.failures),
    unsteady: whole.flatMap(({ failures }) => failures),
  };
}
