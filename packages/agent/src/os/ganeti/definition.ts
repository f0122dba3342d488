/** An OS definition of Ganeti's OS interface: a folder with scripts and a few lists. Source: Ganeti 3.0, ganeti-os-interface(7). */
import { access, constants, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import { ignoreMissing } from '../../storage/durable.ts';

/** Where Ganeti looks, in its order. */
export const OS_SEARCH_PATH = [
  '/srv/ganeti/os',
  '/usr/local/lib/ganeti/os',
  '/usr/lib/ganeti/os',
  '/usr/share/ganeti/os',
] as const;

/** Newest first. 15 added variants, 20 parameters and `verify`; `create` is called the same way in all three. */
const SUPPORTED = [20, 15, 10] as const;
export type ApiVersion = (typeof SUPPORTED)[number];

export interface OsDefinition {
  name: string;
  folder: string;
  api: ApiVersion;
  /** It has a `rename` script that can be run; Ganeti itself wants one. */
  renames: boolean;
  /** Declared variants; empty: it has none. */
  variants: string[];
  /** Declared parameters: lower-case name -> what it is. */
  parameters: ReadonlyMap<string, string>;
}

/** Why a definition cannot be used. */
export class OsDefinitionError extends Error {
  override name = 'OsDefinitionError';
}

/** Before a name: the definition, also where a built-in provider has the same name (`ganeti-debootstrap`). */
const PREFIX = 'ganeti-';

/**
 * The first definition of this name on the search path, checked.
 * @throws OsDefinitionError when there is none, or it is not complete
 */
export async function findDefinition(name: string, searchPath: readonly string[]): Promise<OsDefinition> {
  const names = name.startsWith(PREFIX) ? [name, name.slice(PREFIX.length)] : [name];
  for (const candidate of names)
    for (const parent of searchPath) {
      const folder = join(parent, candidate);
      const found = await stat(folder).catch(ignoreMissing);
      if (found?.isDirectory()) return readDefinition(candidate, folder);
    }
  throw new OsDefinitionError(`there is no OS definition of that name in ${searchPath.join(', ')}`);
}

async function readDefinition(name: string, folder: string): Promise<OsDefinition> {
  const api = chooseApi(await readList(folder, 'ganeti_api_version'));
  const scripts = api >= 20 ? ['create', 'verify'] : ['create'];
  for (const script of scripts) {
    const path = join(folder, script);
    if (!(await isExecutable(path))) throw new OsDefinitionError(`${path} is not an executable`);
  }
  const parameters = (await readList(folder, 'parameters.list')) ?? [];
  return {
    name,
    folder,
    api,
    renames: await isExecutable(join(folder, 'rename')),
    variants: api >= 15 ? ((await readList(folder, 'variants.list')) ?? []) : [],
    parameters: new Map(
      parameters.map((line) => {
        const [word = '', ...rest] = line.split(/\s+/);
        return [word.toLowerCase(), rest.join(' ')];
      }),
    ),
  };
}

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

function chooseApi(lines: string[] | undefined): ApiVersion {
  const offered = (lines ?? []).map(Number);
  const chosen = SUPPORTED.find((version) => offered.includes(version));
  if (chosen !== undefined) return chosen;
  const has = lines === undefined ? 'has no file ganeti_api_version' : `offers API ${lines.join(', ')}`;
  throw new OsDefinitionError(`it ${has}; known here: ${SUPPORTED.join(', ')}`);
}

/** Lines without comments and blanks; undefined when there is no such file. */
async function readList(folder: string, file: string): Promise<string[] | undefined> {
  const text = await readFile(join(folder, file), 'utf8').catch(ignoreMissing);
  return text
    ?.split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * The variant to use. A definition with variants wants one: `default` or its first where none is given.
 * @throws GantryError `invalid_argument`
 */
export function chooseVariant(
  { name, variants }: OsDefinition,
  wanted: string | undefined,
): string | undefined {
  if (wanted === undefined) return variants.includes('default') ? 'default' : variants[0];
  if (variants.includes(wanted)) return wanted;
  const known = variants.length > 0 ? `one of ${variants.join(', ')}` : 'known: it has no variants';
  throw err('invalid_argument', { what: `variant ${wanted} of OS definition ${name}`, wanted: known });
}
