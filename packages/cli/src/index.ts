/** The command line, for tests that run it in their own process. */
export type { Io } from './io.ts';
export { run } from './run.ts';
