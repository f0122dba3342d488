/**
 * A reporter for the test runner: what script/test says at its very end. Into the file that TEST_REPORT names go of each
 * test file the counts, and of each failure the name and the first lines of its message: output that was cut still tells it.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface TestReport {
  files: FileReport[];
  /** What failed in no file's name: what, and why, a line each. */
  outside: string[][];
}

export interface FileReport {
  /** Relative to the checkout. */
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  /** Wall time. */
  ms: number;
  /** Of each failure what failed, and why, a line each. */
  failures: string[][];
}

/** The message's first line, and those of its causes: a wait says what it waited for, its cause why in vain. */
function* reasons(error: SerializedError | undefined): Generator<string> {
  for (let at = error, depth = 0; at && depth < 3; at = at.cause as SerializedError | undefined, depth++) {
    const [line = ''] = stripVTControlCharacters(String(at.message ?? at)).split('\n');
    yield `${depth > 0 ? 'because: ' : ''}${line.slice(0, 300)}`;
  }
}

const whyOf = (errors: readonly SerializedError[]): string[] =>
  errors.flatMap((error) => [...reasons(error)]);

/** With the line that failed, where it is one of the test's own file. */
function placeOf({ moduleId }: TestModule, [error]: readonly SerializedError[]): string {
  const line = error?.stacks?.find(({ file }) => file === moduleId)?.line;
  return relative(process.cwd(), moduleId) + (line === undefined ? '' : `:${line}`);
}

function failuresOf(module: TestModule): string[][] {
  const told = (name: string, errors: readonly SerializedError[]): string[] => [
    `${placeOf(module, errors)} ${name}`.trimEnd(),
    ...whyOf(errors),
  ];
  const hooks = [module, ...module.children.allSuites()].filter((part) => part.errors().length > 0);
  return [
    ...hooks.map((part) => told(part.type === 'suite' ? part.fullName : '', part.errors())),
    ...[...module.children.allTests('failed')].map((one) => told(one.fullName, one.result().errors ?? [])),
  ];
}

const msOf = (module: TestModule): number => {
  const { setupDuration, collectDuration, duration } = module.diagnostic();
  return Math.round(setupDuration + collectDuration + duration);
};

/** Of a rejection that nobody heard the runner says which file ran, not which test. */
const fileOf = (error: SerializedError): unknown => error['VITEST_TEST_PATH'];
const unheard = (error: SerializedError, where: string): string[] => [where, ...whyOf([error])];

function fileReport(module: TestModule, errors: readonly SerializedError[]): FileReport {
  const tests = [...module.children.allTests()];
  const count = (...states: string[]): number =>
    tests.filter((one) => states.includes(one.result().state)).length;
  const file = placeOf(module, []);
  return {
    file,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped', 'pending'),
    ms: msOf(module),
    failures: [
      ...failuresOf(module),
      ...errors
        .filter((error) => fileOf(error) === module.moduleId)
        .map((error) => unheard(error, `${file} outside of any test`)),
    ],
  };
}

export function reportOf(
  modules: readonly TestModule[],
  errors: readonly SerializedError[] = [],
): TestReport {
  const known = new Set<unknown>(modules.map(({ moduleId }) => moduleId));
  return {
    files: modules.map((module) => fileReport(module, errors)),
    outside: errors
      .filter((error) => !known.has(fileOf(error)))
      .map((error) => unheard(error, 'outside of any test')),
  };
}

// biome-ignore lint/style/noDefaultExport: what the runner loads as a reporter
export default class TestReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env['TEST_REPORT'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(reportOf(modules, unhandled)));
  }
}
