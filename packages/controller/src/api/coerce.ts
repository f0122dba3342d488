/** Query parameters arrive as text; numbers and booleans among them are read as their schema says. */
import type { TSchema } from '@gantry/model';

interface Property {
  type?: string;
}

/** What cannot be read stays text, so that validation names it. */
export function coerceQuery(schema: TSchema, query: Record<string, unknown>): Record<string, unknown> {
  const properties = (schema as { properties?: Record<string, Property> }).properties ?? {};
  return Object.fromEntries(
    Object.entries(query).map(([key, value]) => [
      key,
      coerce(Object.hasOwn(properties, key) ? properties[key] : undefined, value),
    ]),
  );
}

function coerce(property: Property | undefined, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (property?.type === 'integer' && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (property?.type === 'boolean' && (value === 'true' || value === 'false')) return value === 'true';
  return value;
}
