/** Options of Nova’s configuration, typed, with Nova’s defaults; a value of another type is refused. */
import { err } from '@gantry/model';
import type { CaseConfig } from './case.ts';

type Section = keyof CaseConfig;

export class Options {
  readonly #config: CaseConfig;

  constructor(config: CaseConfig) {
    this.#config = config;
  }

  #get(section: Section, name: string): unknown {
    return this.#config[section]?.[name] ?? undefined;
  }

  #refuse(section: Section, name: string, wanted: string): never {
    throw err('invalid_argument', { what: `config.${section}.${name}`, wanted });
  }

  text(section: Section, name: string): string | undefined {
    const value = this.#get(section, name);
    if (value === undefined || typeof value === 'string') return value;
    return this.#refuse(section, name, 'text');
  }

  number(section: Section, name: string): number | undefined {
    const value = this.#get(section, name);
    if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value))) return value;
    return this.#refuse(section, name, 'a whole number');
  }

  boolean(section: Section, name: string, fallback: boolean): boolean {
    const value = this.#get(section, name) ?? fallback;
    return typeof value === 'boolean' ? value : this.#refuse(section, name, 'true or false');
  }

  list(section: Section, name: string): string[] {
    const value = this.#get(section, name) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    return this.#refuse(section, name, 'a list of words');
  }

  /** A list of tables, such as reserved_huge_pages. */
  tables(section: Section, name: string): Record<string, unknown>[] {
    const value = this.#get(section, name) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null))
      return value;
    return this.#refuse(section, name, 'a list of tables');
  }

  /** Is it there, even as null? */
  says(section: Section, name: string): boolean {
    return Object.hasOwn(this.#config[section] ?? {}, name);
  }
}
