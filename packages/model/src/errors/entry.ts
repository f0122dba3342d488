/** One refusal: what the reader is told, and what a program does about it. */
export interface ErrorEntry {
  status: number;
  /** Exit code of the CLI: 1 failed, 2 usage, 3 not found, 4 forbidden, 5 conflict, 6 no capacity, 7 timeout, 8 unreachable. */
  exit: number;
  message: string;
  hint: string;
}

/** A line of the tables beside this file; `{x}` in a text is a parameter. */
export const entry = (status: number, exit: number, message: string, hint: string): ErrorEntry => ({
  status,
  exit,
  message,
  hint,
});
