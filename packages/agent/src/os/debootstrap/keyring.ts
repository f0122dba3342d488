/**
 * debootstrap runs what a mirror gives it as root of this node, and users may name mirror and suite. It checks the archive's
 * signature with the keyring that the suite's script names; where that is not installed it only warns, where the script
 * names none it says nothing, and takes whatever comes. So only suites are built whose keyring is here.
 */
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { err } from '@gantry/model';
import { ignoreMissing } from '../../storage/durable.ts';

/** As debootstrap 1.0.128 has them: a script for each suite, most of them links. */
export const SCRIPTS = '/usr/share/debootstrap/scripts';

/**
 * The keyring that the archive of a suite is signed with.
 * @param stated by who runs the cluster or the node: instead of that of the script, for archives of his own
 * @throws GantryError `invalid_argument`
 */
export async function keyringOf(suite: string, stated?: string, scripts = SCRIPTS): Promise<string> {
  const script = await readFile(join(scripts, suite), 'utf8').catch(ignoreMissing);
  if (script === undefined) throw unsafe(suite, 'a suite that debootstrap of this node has a script for');
  const keyring = stated ?? /^[ \t]*keyring[ \t]+(\/\S+)/m.exec(script)?.[1];
  if (keyring === undefined)
    throw unsafe(suite, 'a suite whose archive is signed: debootstrap knows no keyring of it');
  await access(keyring).catch((error: unknown) => {
    throw unsafe(suite, `a suite whose signatures this node can check: it has no readable ${keyring}`, error);
  });
  return keyring;
}

const unsafe = (suite: string, wanted: string, cause?: unknown) =>
  err('invalid_argument', { what: `suite=${JSON.stringify(suite)}`, wanted }, cause);
