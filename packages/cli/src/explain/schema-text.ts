/** JSON Schema in words: the type of a field and what is below it. */

export interface Schema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
}

/** `integer 1..512`, `one of nat, bridge`, `list of ...`. */
export function typeText(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' | ');
  if (schema.items) return `list of ${typeText(schema.items)}`;
  if (schema.patternProperties) return 'map of key to value';
  if (schema.type === 'object') return 'object';
  if (schema.type === 'integer' || schema.type === 'number') return `${schema.type}${rangeText(schema)}`;
  return [schema.type ?? 'any', schema.format].filter(Boolean).join(', ');
}

/** Bounds that mean something; those of the number format itself do not. */
function rangeText({ minimum, maximum }: Schema): string {
  const bounded = maximum !== undefined && maximum < 2 ** 40;
  if (minimum === undefined && !bounded) return '';
  return ` ${minimum ?? ''}..${bounded ? maximum : ''}`;
}

/** The schema at a path of fields; lists and maps are walked through. */
export function fieldAt(schema: Schema, path: readonly string[]): Schema | undefined {
  let here: Schema | undefined = schema;
  for (const key of path) here = childrenOf(here).get(key);
  return here;
}

/** The fields below, in order. */
export function childrenOf(schema: Schema | undefined): ReadonlyMap<string, Schema> {
  const inner = schema?.items ?? schema;
  const own = Object.entries(inner?.properties ?? {});
  const variants = (inner?.anyOf ?? []).flatMap((one) => Object.entries(one.properties ?? {}));
  return new Map([...own, ...variants]);
}

export const isRequired = (schema: Schema, field: string): boolean => {
  const inner = schema.items ?? schema;
  return inner.required?.includes(field) === true;
};
