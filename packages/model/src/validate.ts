/** Check values against schemas; refusals name every field at fault, and the nearest known name of an unknown one. */
import { Compile, type Validator } from 'typebox/compile';
import { err } from './errors.ts';
import { nearest } from './nearest.ts';
import type { Static, TSchema } from './schema.ts';

const compiled = new WeakMap<TSchema, Validator>();

function validatorOf(schema: TSchema): Validator {
  let validator = compiled.get(schema);
  if (!validator) {
    validator = Compile(schema) as Validator;
    compiled.set(schema, validator);
  }
  return validator;
}

/**
 * The value itself, typed.
 * @throws GantryError `unknown_field` or `invalid_body`
 */
export function validate<S extends TSchema>(schema: S, value: unknown): Static<S> {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return value as Static<S>;
  const errors = [...validator.Errors(value)];
  const unknown = errors.find((e) => e.keyword === 'additionalProperties');
  if (unknown)
    throw unknownField(schema, unknown.instancePath, unknown.params as { additionalProperties?: string[] });
  const problems = [
    ...new Set(errors.map((error) => describe(error, schema)).filter((text) => text !== undefined)),
  ];
  throw err('invalid_body', { problems: problems.slice(0, 5).join('; ') });
}

/** Is it such a value? */
export const matches = <S extends TSchema>(schema: S, value: unknown): value is Static<S> =>
  validatorOf(schema).Check(value);

function unknownField(schema: TSchema, path: string, params: { additionalProperties?: string[] }) {
  const field = (params.additionalProperties?.[0] ?? '').slice(0, 64);
  const node = nodeAt(schema, path);
  const [keyPattern] = Object.keys(node?.patternProperties ?? {});
  if (keyPattern !== undefined)
    return err('invalid_body', {
      problems: `${path} has the key ${JSON.stringify(field)}, not of the form ${keyPattern}`,
    });
  const close = nearest(field, Object.keys(node?.properties ?? {}));
  return err('unknown_field', {
    field: JSON.stringify(`${path}/${field}`),
    suggestion: close ? ` (did you mean ${close}?)` : '',
  });
}

interface SchemaNode {
  description?: string;
  properties?: Record<string, SchemaNode>;
  patternProperties?: Record<string, SchemaNode>;
  items?: SchemaNode;
}

/** The schema at a JSON pointer into a value, as far as plain objects, maps and arrays go. */
function nodeAt(schema: TSchema, path: string): SchemaNode | undefined {
  let here: SchemaNode | undefined = schema as SchemaNode;
  for (const part of path.split('/').slice(1))
    here = here?.properties?.[part] ?? here?.items ?? Object.values(here?.patternProperties ?? {})[0];
  return here;
}

interface SchemaError {
  keyword: string;
  instancePath: string;
  message: string;
  params: unknown;
}

function describe(error: SchemaError, schema: TSchema): string | undefined {
  if (error.keyword === 'boolean' || error.keyword === 'if') return undefined;
  const where = error.instancePath || 'the body';
  // A pattern is for machines; what it stands for is said beside it.
  const form = error.keyword === 'pattern' ? nodeAt(schema, error.instancePath)?.description : undefined;
  if (form) return `${where} does not have its form: ${form}`;
  const allowed = (error.params as { allowedValues?: unknown[] })?.allowedValues;
  return allowed ? `${where} must be one of ${allowed.join(', ')}` : `${where} ${error.message}`;
}
