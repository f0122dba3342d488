/** Values that callers give, or that the wire holds, checked before they are believed. */
import { XdrError } from './xdr.ts';

export function asSafe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new XdrError('BAD_VALUE', `${value} is beyond 2^53`);
  return number;
}

export function expectBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean')
    throw new XdrError('BAD_VALUE', `expected true or false, got ${typeof value}`);
  return value;
}

export function expectObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null)
    throw new XdrError('BAD_VALUE', `expected an object, got ${value === null ? 'null' : typeof value}`);
  return value as Record<string, unknown>;
}
