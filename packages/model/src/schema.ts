/** The few schema builders that the resources share. One source: types, validation, OpenAPI and reference docs. */
import { type Static, type TObject, type TProperties, type TSchema, Type } from 'typebox';

/** An object that refuses fields it does not know. */
export const strict = <P extends TProperties>(
  properties: P,
  options: { description?: string } = {},
): TObject<P> => Type.Object(properties, { additionalProperties: false, ...options });

/** A closed set of words. Written as JSON Schema `enum`, so that a refusal names all of them. */
export const oneOf = <const T extends readonly string[]>(words: T, description?: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...words], ...(description ? { description } : {}) });

export const optional = Type.Optional;

/** Text that a person wrote: no control characters, bounded. */
export const line = (maxLength = 255, description?: string) =>
  Type.String({
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f]*$',
    ...(description ? { description } : {}),
  });

export const positive = (description: string, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ minimum: 1, maximum, description });

export const count = (description: string, maximum = Number.MAX_SAFE_INTEGER) =>
  Type.Integer({ minimum: 0, maximum, description });

/** Wall-clock time as RFC 3339 in UTC. */
export const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC' });

/** A map whose keys all match a pattern: other keys are refused, which JSON Schema's `patternProperties` alone does not. */
export const recordOf = <V extends TSchema>(
  keyPattern: string,
  value: V,
  options: { description?: string } = {},
) => Type.Record(Type.String({ pattern: keyPattern }), value, { additionalProperties: false, ...options });

/** `key=value` pairs: labels, extra specs, image properties. Keys and values are one line each. */
export const stringMap = (description: string, maxValue = 1024) =>
  recordOf(
    '^[A-Za-z0-9_.:/-]{1,255}$',
    Type.String({ maxLength: maxValue, pattern: '^[^\\u0000-\\u001f\\u007f]*$' }),
    { description },
  );

export { type Static, type TSchema, Type };
