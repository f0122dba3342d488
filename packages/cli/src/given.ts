/** What the user gave: arguments by position, options by name. */
import { err } from '@gantry/model';

export class Given {
  readonly args: readonly string[];
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(args: readonly string[], options: Readonly<Record<string, unknown>>) {
    this.args = args;
    this.#options = options;
  }

  /** @throws GantryError `usage` where it is missing */
  arg(index: number, what = 'argument'): string {
    const value = this.args[index];
    if (value === undefined) throw err('usage', { what: `the ${what} is missing` });
    return value;
  }

  text(name: string): string | undefined {
    const value = this.#options[name];
    return typeof value === 'string' ? value : undefined;
  }

  on(name: string): boolean {
    return this.#options[name] === true;
  }

  /** `--no-NAME` was given. */
  off(name: string): boolean {
    return this.#options[name] === false;
  }

  all(name: string): readonly string[] {
    const value = this.#options[name];
    return Array.isArray(value) ? (value as string[]) : [];
  }

  /** The option read by a parser, under its key; nothing where it was not given. For spreading into a body. */
  put<K extends string, T>(key: K, name: string, parse: (text: string) => T): { [key in K]?: T } {
    const text = this.text(name);
    return text === undefined ? {} : ({ [key]: parse(text) } as { [key in K]?: T });
  }

  string<K extends string>(key: K, name: string): { [key in K]?: string } {
    return this.put(key, name, (text) => text);
  }
}
