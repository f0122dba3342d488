import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Surroundings, userConfigDir } from './surroundings.ts';

const ALIAS = /^[A-Za-z0-9_-]+$/;
const LIST = /^[ \t]*uri_aliases[ \t]*=[ \t]*\[([^\]]*)\]/m;

/** The URI that `libvirt.conf` gives for a name (`uri_aliases`); anything else is itself. */
export async function resolveAlias(text: string, surroundings: Surroundings): Promise<string> {
  if (!ALIAS.test(text)) return text;
  const dir = surroundings.uid === 0 ? '/etc/libvirt' : userConfigDir(surroundings);
  const conf = await readFile(join(dir, 'libvirt.conf'), 'utf8').catch(() => '');
  return parseAliases(conf).get(text) ?? text;
}

/** `uri_aliases = [ "name=uri", ... ]` of a libvirt.conf. */
export function parseAliases(conf: string): ReadonlyMap<string, string> {
  const uncommented = conf.replace(/^[ \t]*#.*$/gm, '');
  const aliases = new Map<string, string>();
  for (const [, entry = ''] of (LIST.exec(uncommented)?.[1] ?? '').matchAll(/"([^"\n]*)"/g)) {
    const at = entry.indexOf('=');
    if (at > 0) aliases.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return aliases;
}
