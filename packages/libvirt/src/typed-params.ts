import { knownParameterType, TYPES, type TypedParamType } from './known-parameters.ts';
import { array, type Layout, string } from './layouts.ts';
import { XdrError, type XdrReader, type XdrWriter } from './xdr.ts';

/** What a parameter's value is here: 64-bit types are always bigint, so a field's type never depends on its size. */
export type TypedParamValue = number | bigint | boolean | string;

/** A value with its wire type, for parameters whose name this library does not know. */
export interface TypedParam {
  readonly type: TypedParamType;
  readonly value: TypedParamValue;
}

type One = TypedParamValue | TypedParam;

/** Parameters to send: by name; a list repeats the parameter (`migrate_disks`). */
export type TypedParamsIn = Readonly<Record<string, One | readonly One[]>>;

/** Parameters received: by name, as an object without prototype; one that came several times is a list. */
export type TypedParams = Record<string, TypedParamValue | TypedParamValue[]>;

interface WireParam {
  readonly field: string;
  readonly type: TypedParamType;
  readonly value: TypedParamValue;
}

const wireParam: Layout<WireParam> = {
  minBytes: 12,
  write(to, { field, type, value }) {
    string.write(to, field);
    try {
      to.int(TYPES.indexOf(type) + 1);
      writeValue(to, type, value);
    } catch (error) {
      throw error instanceof XdrError ? error.within(field) : error;
    }
  },
  read(from) {
    const field = string.read(from);
    const number = from.int();
    const type = TYPES[number - 1];
    if (type === undefined)
      throw new XdrError('BAD_VALUE', `typed parameter of unknown type ${number}`, field);
    return { field, type, value: readValue(from, type) };
  },
};

function writeValue(to: XdrWriter, type: TypedParamType, value: TypedParamValue): void {
  // The writer checks type and range at run time; the casts only satisfy the union.
  if (type === 'int') to.int(value as number);
  else if (type === 'uint') to.uint(value as number);
  else if (type === 'llong') to.hyper(value as bigint);
  else if (type === 'ullong') to.uhyper(value as bigint);
  else if (type === 'double') to.double(value as number);
  else if (type === 'boolean') to.int(value === true ? 1 : 0);
  else string.write(to, value as string);
}

function readValue(from: XdrReader, type: TypedParamType): TypedParamValue {
  if (type === 'int') return from.int();
  if (type === 'uint') return from.uint();
  if (type === 'llong') return from.hyper();
  if (type === 'ullong') return from.uhyper();
  if (type === 'double') return from.double();
  return type === 'boolean' ? from.int() !== 0 : string.read(from);
}

function isTyped(value: unknown): value is TypedParam {
  return typeof value === 'object' && value !== null && 'type' in value && 'value' in value;
}

/** The wire type: given, else libvirt's own for that name, else by the value where that leaves no doubt. */
function wireOf(field: string, given: One): WireParam {
  if (isTyped(given)) return { field, type: checkedType(field, given), value: given.value };
  const type = knownParameterType(field) ?? impliedType(given);
  if (type === undefined)
    throw new XdrError(
      'BAD_VALUE',
      `libvirt's type of this parameter is not known here; give { type, value } with one of ${TYPES.join(', ')}`,
      field,
    );
  return { field, type: checkedType(field, { type, value: given }), value: given };
}

function impliedType(value: TypedParamValue): TypedParamType | undefined {
  return typeof value === 'string' ? 'string' : typeof value === 'boolean' ? 'boolean' : undefined;
}

function checkedType(field: string, { type, value }: TypedParam): TypedParamType {
  if (!TYPES.includes(type)) throw new XdrError('BAD_VALUE', `unknown type ${JSON.stringify(type)}`, field);
  if (type === 'boolean' && typeof value !== 'boolean')
    throw new XdrError('BAD_VALUE', `expected true or false, got ${typeof value}`, field);
  return type;
}

function toWire(params: TypedParamsIn): WireParam[] {
  return Object.entries(params).flatMap(([field, given]) =>
    Array.isArray(given) ? given.map((one: One) => wireOf(field, one)) : [wireOf(field, given as One)],
  );
}

/** Names come from the peer: an object without prototype, so `__proto__` is a name like any other. */
function fromWire(wire: readonly WireParam[]): TypedParams {
  const params: TypedParams = Object.create(null);
  for (const { field, value } of wire) {
    const before = params[field];
    if (before === undefined) params[field] = value;
    else if (Array.isArray(before)) before.push(value);
    else params[field] = [before, value];
  }
  return params;
}

/** A list of virTypedParameter as a plain object, at most `max` of them. */
export function typedParams(max: number): Layout<TypedParamsIn, TypedParams> {
  const list = array(wireParam, max);
  return {
    minBytes: list.minBytes,
    write: (to, params) => list.write(to, toWire(params)),
    read: (from) => fromWire(list.read(from)),
  };
}
