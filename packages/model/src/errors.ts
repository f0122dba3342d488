import { accessErrors } from './errors/access.ts';
import { clusterErrors } from './errors/cluster.ts';
import type { ErrorEntry } from './errors/entry.ts';
import { guestErrors } from './errors/guests.ts';
import { networkErrors } from './errors/networks.ts';
import { objectErrors } from './errors/objects.ts';
import { operationErrors } from './errors/operations.ts';
import { placingErrors } from './errors/placing.ts';
import { requestErrors } from './errors/requests.ts';
import { storageErrors } from './errors/storage.ts';

/**
 * The error registry: every refusal has a stable code, an HTTP status and an exit code chosen by what the reader will
 * do about it, a sentence that says what and why, and one that says what to do. The tables are in errors/, one for
 * each area; no code is in two of them.
 * `{x}` in a template is a parameter. docs/reference/errors.md is generated from this table.
 */
export const errorRegistry = {
  ...requestErrors,
  ...accessErrors,
  ...objectErrors,
  ...placingErrors,
  ...networkErrors,
  ...storageErrors,
  ...guestErrors,
  ...operationErrors,
  ...clusterErrors,
} satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorRegistry;
/** A libvirt that restarts or is busy answers again soon: what failed so is tried again by itself. */
export const passingErrors: readonly string[] = [
  'hypervisor_unreachable',
  'hypervisor_slow',
] satisfies ErrorCode[];
export type ErrorParams = Readonly<Record<string, string | number>>;

/** Any refusal or failure with a stable code. `message` says what and why, `hint` what to do. */
export class GantryError extends Error {
  readonly code: ErrorCode;
  readonly params: ErrorParams;

  constructor(code: ErrorCode, params: ErrorParams = {}, options: { cause?: unknown } = {}) {
    super(fill(errorRegistry[code].message, params), options);
    this.name = 'GantryError';
    this.code = code;
    this.params = params;
  }

  get hint(): string {
    const { hint, hintOf }: ErrorEntry = errorRegistry[this.code];
    return hintOf ? hintOf(this.params) : fill(hint, this.params);
  }
  get status(): number {
    return errorRegistry[this.code].status;
  }
  get exit(): number {
    return errorRegistry[this.code].exit;
  }
}

export const err = (code: ErrorCode, params: ErrorParams = {}, cause?: unknown): GantryError =>
  new GantryError(code, params, cause === undefined ? {} : { cause });

export const isGantryError = (value: unknown, code?: ErrorCode): value is GantryError =>
  value instanceof GantryError && (code === undefined || value.code === code);

const fill = (template: string, params: ErrorParams): string =>
  template.replace(/\{(\w+)\}/g, (_, key: string) => String(params[key] ?? ''));
