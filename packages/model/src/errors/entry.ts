/** One refusal: what the reader is told, and what a program does about it. */
export interface ErrorEntry {
  status: number;
  /** Exit code of the CLI: 1 failed, 2 usage, 3 not found, 4 forbidden, 5 conflict, 6 no capacity, 7 timeout, 8 unreachable. */
  exit: number;
  message: string;
  hint: string;
  /** Where what to do depends on what it is about; `hint` is then what the tables show. */
  hintOf?: (params: Readonly<Record<string, string | number>>) => string;
}

/** A line of the tables beside this file; `{x}` in a text is a parameter. */
export const entry = (status: number, exit: number, message: string, hint: string): ErrorEntry => ({
  status,
  exit,
  message,
  hint,
});
