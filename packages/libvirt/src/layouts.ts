import { asSafe, expectBoolean, expectObject } from './expect-value.ts';
import { XdrError, type XdrReader, type XdrWriter } from './xdr.ts';

/**
 * How one value looks on the wire. `In` is what a caller may give, `Out` what a reader gets.
 * The same layout serves client and fake server, so `Out` is always a valid `In`.
 */
export interface Layout<In, Out = In> {
  /** Fewest bytes the value can take: guards array counts before anything is allocated. */
  readonly minBytes: number;
  write(to: XdrWriter, value: In): void;
  read(from: XdrReader): Out;
}

// biome-ignore lint/suspicious/noExplicitAny: the bound of a generic; In is contravariant, unknown would refuse every layout
export type AnyLayout = Layout<any, any>;
export type In<L> = L extends Layout<infer I, infer _> ? I : never;
export type Out<L> = L extends Layout<infer _, infer O> ? O : never;

/** libvirt's limit for one string (REMOTE_STRING_MAX). */
export const STRING_MAX = 4_194_304;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const int: Layout<number> = {
  minBytes: 4,
  write: (to, value) => to.int(value),
  read: (from) => from.int(),
};

export const uint: Layout<number> = {
  minBytes: 4,
  write: (to, value) => to.uint(value),
  read: (from) => from.uint(),
};

/** `unsigned char` and `unsigned short` travel as whole words. */
export const uchar: Layout<number> = {
  minBytes: 4,
  write: (to, value) => to.uint(value, 0xff),
  read: (from) => from.uint(0xff),
};

export const ushort: Layout<number> = {
  minBytes: 4,
  write: (to, value) => to.uint(value, 0xffff),
  read: (from) => from.uint(0xffff),
};

/** A C `int` that only says yes or no. */
export const flag: Layout<boolean> = {
  minBytes: 4,
  write: (to, value) => to.int(expectBoolean(value) ? 1 : 0),
  read: (from) => from.int() !== 0,
};

/** Signed 64 bits; a safe integer may be given as number, a bigint always comes back. */
export const hyper: Layout<bigint | number, bigint> = {
  minBytes: 8,
  write: (to, value) => to.hyper(value),
  read: (from) => from.hyper(),
};

/** Unsigned 64 bits; a safe integer may be given as number, a bigint always comes back. */
export const uhyper: Layout<bigint | number, bigint> = {
  minBytes: 8,
  write: (to, value) => to.uhyper(value),
  read: (from) => from.uhyper(),
};

/** 64 bits whose unit keeps them far below 2^53 (KiB of memory, versions, seconds): a number. */
export const safeHyper: Layout<bigint | number, number> = {
  minBytes: 8,
  write: (to, value) => to.hyper(value),
  read: (from) => asSafe(from.hyper()),
};

/** As {@link safeHyper}, unsigned. */
export const safeUhyper: Layout<bigint | number, number> = {
  minBytes: 8,
  write: (to, value) => to.uhyper(value),
  read: (from) => asSafe(from.uhyper()),
};

/** A string that is always there. */
export const string: Layout<string> = {
  minBytes: 4,
  write: (to, value) => to.string(value, STRING_MAX),
  read: (from) => from.string(STRING_MAX),
};

export function opaque(maxBytes: number): Layout<Uint8Array> {
  return {
    minBytes: 4,
    write: (to, value) => to.opaque(value, maxBytes),
    read: (from) => from.opaque(maxBytes),
  };
}

/** A UUID, as text with dashes on this side and 16 bytes on the wire. */
export const uuid: Layout<string> = {
  minBytes: 16,
  write(to, value) {
    if (typeof value !== 'string' || !UUID.test(value))
      throw new XdrError('BAD_VALUE', 'expected a UUID such as 5d0ec2f5-7d3b-4c2e-9a53-0f2b8f6f4d11');
    to.fixed(Buffer.from(value.replaceAll('-', ''), 'hex'), 16);
  },
  read(from) {
    const hex = from.hex(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
};

/** A C `char[n]`: one word per character; text up to the first NUL. */
export function charArray(length: number): Layout<string> {
  return {
    minBytes: length * 4,
    write(to, value) {
      const bytes = Buffer.alloc(length);
      if (Buffer.byteLength(value) >= length) throw new XdrError('TOO_LONG', `at most ${length - 1} bytes`);
      bytes.write(value);
      for (const byte of bytes) to.int(byte);
    },
    read: (from) => textOf(Array.from({ length }, () => from.int() & 0xff)),
  };
}

/** A C `char<n>`: a count, then one word per character. */
export function charList(maxLength: number): Layout<string> {
  return {
    minBytes: 4,
    write(to, value) {
      const bytes = Buffer.from(value);
      if (bytes.length > maxLength) throw new XdrError('TOO_LONG', `at most ${maxLength} bytes`);
      to.uint(bytes.length);
      for (const byte of bytes) to.int(byte);
    },
    read: (from) => textOf(Array.from({ length: from.count(maxLength, 4) }, () => from.int() & 0xff)),
  };
}

/** A C `char<n>` whose content is no text: a count, then one word per byte. */
export function charBytes(maxLength: number): Layout<Uint8Array> {
  return {
    minBytes: 4,
    write(to, value) {
      if (value.length > maxLength)
        throw new XdrError('TOO_LONG', `${value.length} bytes, at most ${maxLength} are allowed`);
      to.uint(value.length);
      for (const byte of value) to.int(byte);
    },
    read: (from) => Uint8Array.from({ length: from.count(maxLength, 4) }, () => from.int() & 0xff),
  };
}

function textOf(bytes: readonly number[]): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.slice(0, end)).toString('utf8');
}

/** A pointer that may be NULL: null here; leaving it out means null. */
export function nullable<I, O>(inner: Layout<I, O>): Layout<I | null | undefined, O | null> {
  return {
    minBytes: 4,
    write(to, value) {
      to.uint(value === null || value === undefined ? 0 : 1);
      if (value !== null && value !== undefined) inner.write(to, value);
    },
    read: (from) => (from.uint(1) === 1 ? inner.read(from) : null),
  };
}

/** A field the caller may leave out. */
export function defaulted<I, O>(inner: Layout<I, O>, value: I): Layout<I | undefined, O> {
  return { ...inner, write: (to, given) => inner.write(to, given ?? value) };
}

export function array<I, O>(inner: Layout<I, O>, max: number): Layout<readonly I[], O[]> {
  return {
    minBytes: 4,
    write(to, values) {
      if (!Array.isArray(values)) throw new XdrError('BAD_VALUE', `expected an array, got ${typeof values}`);
      if (values.length > max)
        throw new XdrError('TOO_LONG', `${values.length} elements, at most ${max} are allowed`);
      to.uint(values.length);
      for (const [index, value] of values.entries()) at(`[${index}]`, () => inner.write(to, value));
    },
    read(from) {
      const count = from.count(max, inner.minBytes);
      const values: O[] = [];
      for (let index = 0; index < count; index++) values.push(inner.read(from));
      return values;
    },
  };
}

function at<T>(field: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof XdrError ? error.within(field) : error;
  }
}

export type Fields = Readonly<Record<string, AnyLayout>>;
type OptionalKey<F, K extends keyof F> = undefined extends In<F[K]> ? K : never;
type RequiredKey<F, K extends keyof F> = undefined extends In<F[K]> ? never : K;
type Simplify<T> = { [K in keyof T]: T[K] };

/** What a caller gives for a struct: fields that may be NULL or have a default may be left out. */
export type StructIn<F extends Fields> = Simplify<
  { readonly [K in keyof F as RequiredKey<F, K>]: In<F[K]> } & {
    readonly [K in keyof F as OptionalKey<F, K>]?: In<F[K]>;
  }
>;
/** What a reader gets for a struct: every field. */
export type StructOut<F extends Fields> = { [K in keyof F]: Out<F[K]> };

/** Fields one after the other; errors name the field. Unknown keys are refused, they are always a slip. */
export function struct<F extends Fields>(fields: F): Layout<StructIn<F>, StructOut<F>> {
  const entries = Object.entries(fields);
  return {
    minBytes: entries.reduce((sum, [, layout]) => sum + layout.minBytes, 0),
    // Here all calls pass: no closures, and one try around all fields.
    write(to, value) {
      const given = expectObject(value);
      for (const key in given)
        if (!Object.hasOwn(fields, key)) throw new XdrError('BAD_VALUE', 'no such field', key);
      let field = '';
      try {
        for (const [key, layout] of entries) {
          field = key;
          layout.write(to, given[key]);
        }
      } catch (error) {
        throw error instanceof XdrError ? error.within(field) : error;
      }
    },
    read(from) {
      const out: Record<string, unknown> = {};
      let field = '';
      try {
        for (const [key, layout] of entries) {
          field = key;
          out[key] = layout.read(from);
        }
      } catch (error) {
        throw error instanceof XdrError ? error.within(field) : error;
      }
      return out as StructOut<F>;
    },
  };
}

/**
 * A struct of which only one field matters, such as a list with its redundant count.
 * `rest` gives the other fields when the fake server writes it.
 */
export function only<F extends Fields, K extends keyof F & string>(
  key: K,
  fields: F,
  rest: (value: Out<F[K]>) => Record<string, unknown>,
): Layout<Out<F[K]>> {
  const whole = struct(fields);
  return {
    minBytes: whole.minBytes,
    write: (to, value) => whole.write(to, { ...rest(value), [key]: value } as StructIn<F>),
    read: (from) => whole.read(from)[key],
  };
}

/** Another shape of the same bytes, for layouts whose wire shape is awkward to use. */
export function mapped<I, O, I2, O2>(
  inner: Layout<I, O>,
  toWire: (value: I2) => I,
  fromWire: (value: O) => O2,
): Layout<I2, O2> {
  return {
    minBytes: inner.minBytes,
    write: (to, value) => inner.write(to, toWire(value)),
    read: (from) => fromWire(inner.read(from)),
  };
}

/** No bytes at all: calls without arguments or without a result. */
export const nothing: Layout<void> = { minBytes: 0, write() {}, read() {} };
