/** Quantities carry their unit in the type. */
import { Type } from './schema.ts';

export const MiB = (description: string, minimum = 0) =>
  Type.Integer({ minimum, maximum: 2 ** 40, description: `${description} (MiB)` });
export const Bytes = (description: string, minimum = 0) =>
  Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER, description: `${description} (bytes)` });
export const Milliseconds = (description: string, minimum = 0) =>
  Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER, description: `${description} (ms)` });
