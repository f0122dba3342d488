/**
 * What is run by hand on a node or inside a guest, and files for nodes. It travels through a tunnel: the command as one
 * JSON line (the bytes of a file after it), and lines come back until `end`, `written` or `problem`.
 */
import { InstanceId } from './ids.ts';
import { Problem } from './problem.ts';
import { optional, type Static, strict, Type } from './schema.ts';

/** Longest line of either side, bytes. */
export const COMMAND_LINE_LIMIT = 2 ** 20;
export const EXEC_TIMEOUT_MS = 60_000;

const noNul = '^[^\\u0000]*$';
export const ExecCommand = strict({
  argv: Type.Array(Type.String({ maxLength: 65_536, pattern: noNul }), {
    minItems: 1,
    maxItems: 512,
    description: 'program and its arguments; no shell is between',
  }),
  timeoutMs: optional(
    Type.Integer({
      minimum: 100,
      maximum: 24 * 3_600_000,
      description: 'then it is killed; default a minute',
    }),
  ),
});
export type ExecCommand = Static<typeof ExecCommand>;

/** Through the guest's own agent. */
export const GuestExec = strict({
  ...ExecCommand.properties,
  input: optional(
    Type.String({
      maxLength: 699_052,
      pattern: '^[A-Za-z0-9+/=]*$',
      description: 'what it reads on standard input, base64 of at most 512 KiB; default nothing',
    }),
  ),
});
export type GuestExec = Static<typeof GuestExec>;
export const GuestCommand = strict({ instance: InstanceId, ...GuestExec.properties });
export type GuestCommand = Static<typeof GuestCommand>;

export const FileQuery = strict({
  path: Type.String({
    maxLength: 4095,
    pattern: '^/[^\\u0000]*[^/\\u0000]$',
    description: 'absolute path on the node',
  }),
  mode: Type.Integer({ minimum: 0, maximum: 0o777, description: 'permissions' }),
  sizeBytes: Type.Integer({ minimum: 0, maximum: 2 ** 40, description: 'so that one that was cut is known' }),
});
export type FileQuery = Static<typeof FileQuery>;

export const NodeCommand = Type.Union([
  strict({ do: Type.Literal('exec'), ...ExecCommand.properties }),
  strict({ do: Type.Literal('guest-exec'), ...GuestCommand.properties }),
  strict({ do: Type.Literal('file'), ...FileQuery.properties }),
]);
export type NodeCommand = Static<typeof NodeCommand>;

export const ExecEnd = strict({
  code: optional(Type.Integer({ description: 'exit code' })),
  signal: optional(Type.String({ description: 'what killed it' })),
  timedOut: Type.Boolean(),
  cut: optional(Type.Boolean({ description: 'it wrote more than the guest’s agent keeps' })),
});
export type ExecEnd = Static<typeof ExecEnd>;

export const FileWritten = strict({ path: Type.String(), sha256: Type.String() });
export type FileWritten = Static<typeof FileWritten>;

const Base64 = Type.String({ maxLength: COMMAND_LINE_LIMIT, pattern: '^[A-Za-z0-9+/=]*$' });
export const CommandOutput = Type.Union([
  strict({ out: Base64 }),
  strict({ err: Base64 }),
  strict({ end: ExecEnd }),
  strict({ written: FileWritten }),
  strict({ problem: Problem }),
]);
export type CommandOutput = Static<typeof CommandOutput>;
