// For script/test: which files of a stage's report are to run once more, a line each.
import { toRunAgain } from './test-reports.mjs';

for (const file of toRunAgain(process.argv[2])) console.log(file);
