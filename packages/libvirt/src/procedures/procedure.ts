import {
  type Fields,
  type Layout,
  mapped,
  nothing,
  type StructIn,
  type StructOut,
  struct,
} from '../layouts.ts';

/** Which way a call's stream carries bytes, seen from the client. */
export type StreamDirection = 'read' | 'write' | 'both';

/** One remote procedure: its number within its program, and how its arguments and its result look on the wire. */
export interface Procedure<
  AIn,
  AOut,
  RIn,
  ROut,
  S extends StreamDirection | undefined = StreamDirection | undefined,
> {
  readonly number: number;
  readonly args: Layout<AIn, AOut>;
  readonly result: Layout<RIn, ROut>;
  readonly stream: S;
  /**
   * For calls that want to be told exactly how many values there are: how the answer to `nparams: 0`, which is that
   * number, looks.
   */
  readonly count?: Layout<number>;
}

// biome-ignore lint/suspicious/noExplicitAny: the bound of a generic over layouts, see AnyLayout
export type AnyProcedure = Procedure<any, any, any, any>;

/** Bit set of flags, 0 when left out. */
export const flags: Layout<number | undefined, number> = {
  minBytes: 4,
  write: (to, value) => to.uint(value ?? 0),
  read: (from) => from.uint(),
};

const VIR_TYPED_PARAM_STRING_OKAY = 4;

/** Flags of a call that answers with typed parameters: a server keeps strings back unless told they are understood. */
export const stringFlags: Layout<number | undefined, number> = mapped(
  flags,
  (value: number | undefined) => ((value ?? 0) | VIR_TYPED_PARAM_STRING_OKAY) >>> 0,
  (value) => value,
);

/** A call whose answer is whole when it comes. */
export function proc<A extends Fields>(
  number: number,
  args: A,
): Procedure<StructIn<A>, StructOut<A>, void, void, undefined>;
export function proc<A extends Fields, RIn, ROut>(
  number: number,
  args: A,
  result: Layout<RIn, ROut>,
): Procedure<StructIn<A>, StructOut<A>, RIn, ROut, undefined>;
export function proc(number: number, args: Fields, result: Layout<unknown> = nothing): AnyProcedure {
  return { number, args: struct(args), result, stream: undefined };
}

/** A call that is asked twice: first how many values there are, then for so many. */
export function countedProc<A extends Fields, RIn, ROut>(
  number: number,
  args: A,
  result: Layout<RIn, ROut>,
  count: Layout<number>,
): Procedure<StructIn<A>, StructOut<A>, RIn, ROut, undefined> {
  return { number, args: struct(args), result, stream: undefined, count };
}

/** A call that opens a stream once it is answered. */
export function streamProc<A extends Fields, RIn, ROut, S extends StreamDirection>(
  number: number,
  args: A,
  result: Layout<RIn, ROut>,
  stream: S,
): Procedure<StructIn<A>, StructOut<A>, RIn, ROut, S> {
  return { number, args: struct(args), result, stream };
}
