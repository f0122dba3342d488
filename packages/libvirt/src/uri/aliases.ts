import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Surroundings, userConfigDir } from './surroundings.ts';

const ALIAS = /^[A-Za-z0-9_-]+$/;
const LIST = /^[ \t]*uri_aliases[ \t]*=[ \t]*\[/m;
const DEFAULT = /^[ \t]*uri_default[ \t]*=[ \t]*(?:"([^"\n]*)"|'([^'\n]*)')/m;
/** In a list: a string, what lies between two, or the end. */
const IN_LIST = /"([^"\n]*)"|'([^'\n]*)'|(?:[\s,]|#[^\n]*)+|\]/gy;

/** What a libvirt.conf says about URIs. */
interface UriConf {
  /** The first of a name counts. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly defaultUri: string | undefined;
}

/**
 * The URI that is meant: for an empty text `LIBVIRT_DEFAULT_URI`, `uri_default` of `libvirt.conf`, or what the server
 * chooses (of a user other than root the one of his own); for an alias (`uri_aliases`) what it stands for.
 */
export async function resolveUri(text: string, surroundings: Surroundings): Promise<string> {
  const given = text || surroundings.env['LIBVIRT_DEFAULT_URI'];
  if (given && !ALIAS.test(given)) return given;
  const dir = surroundings.uid === 0 ? '/etc/libvirt' : userConfigDir(surroundings);
  const conf = parseUriConf(await readFile(join(dir, 'libvirt.conf'), 'utf8').catch(() => ''));
  const uri = given || conf.defaultUri;
  if (uri) return conf.aliases.get(uri) ?? uri;
  return surroundings.uid === 0 ? 'remote:///' : 'remote:///session';
}

/** `uri_aliases = [ "name=uri", ... ]` and `uri_default = "uri"`. */
export function parseUriConf(conf: string): UriConf {
  const aliases = new Map<string, string>();
  for (const entry of listed(conf)) {
    const at = entry.indexOf('=');
    const name = entry.slice(0, at);
    if (at > 0 && !aliases.has(name)) aliases.set(name, entry.slice(at + 1));
  }
  const [, double, single] = DEFAULT.exec(conf) ?? [];
  return { aliases, defaultUri: double ?? single };
}

/** The strings of the list; of a broken one those before the break. */
function* listed(conf: string): Generator<string> {
  const list = LIST.exec(conf);
  if (list === null) return;
  for (const [whole, double, single] of conf.slice(list.index + list[0].length).matchAll(IN_LIST)) {
    if (whole === ']') return;
    const text = double ?? single;
    if (text !== undefined) yield text;
  }
}
