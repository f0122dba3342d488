/** The cases of test/oracle/nova: answers of Nova’s own code, which nobody here wrote. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const oracleFolder = join(import.meta.dirname, '../../../test/oracle/nova');

export interface OracleCase {
  readonly name: string;
  readonly kind: string;
  readonly expect: {
    readonly xml?: string;
    readonly error?: string;
    readonly placement?: {
      readonly resources: Record<string, number>;
      readonly required_traits: string[];
      readonly forbidden_traits: string[];
    };
    readonly [more: string]: unknown;
  };
  readonly observed?: { readonly schema_valid?: boolean; readonly define?: string };
  readonly [more: string]: unknown;
}

const folder = join(oracleFolder, 'cases');

export const oracleCases = (kind: string): OracleCase[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as OracleCase)
    .filter((one) => one.kind === kind);

/** A case as it is asked: without the answers. */
export function question(one: OracleCase): Record<string, unknown> {
  const { expect: _, observed: __, newer_nova: ___, ...asked } = one;
  return asked;
}
