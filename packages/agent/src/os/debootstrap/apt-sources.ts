/** What the node's own apt knows: one-line and deb822 sources. Formats: sources.list(5) of apt 2.6. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing } from '../../storage/durable.ts';

export interface AptSource {
  uri: string;
  suite: string;
  components: string[];
}

/** All enabled binary sources, in apt's order. */
export async function readAptSources(aptDir = '/etc/apt'): Promise<AptSource[]> {
  const parts = join(aptDir, 'sources.list.d');
  const names = ((await readdir(parts).catch(ignoreMissing)) ?? []).sort();
  const files = [join(aptDir, 'sources.list'), ...names.map((name) => join(parts, name))];
  const found = await Promise.all(
    files.map(async (file) => {
      const parse = file.endsWith('.list')
        ? parseOneLine
        : file.endsWith('.sources')
          ? parseDeb822
          : undefined;
      const text = parse && (await readFile(file, 'utf8').catch(ignoreMissing));
      return text === undefined ? [] : (parse?.(text) ?? []);
    }),
  );
  return found.flat();
}

/** `deb [options] URI SUITE COMPONENT...` */
export const parseOneLine = (text: string): AptSource[] =>
  text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match?.[1] || !match[2]) return [];
    return [{ uri: match[1], suite: match[2], components: words(match[3]) }];
  });

export const parseDeb822 = (text: string): AptSource[] =>
  text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = deb822Fields(stanza);
    if (!words(fields.get('types')).includes('deb') || fields.get('enabled')?.trim() === 'no') return [];
    return words(fields.get('uris')).flatMap((uri) =>
      words(fields.get('suites')).map((suite) => ({
        uri,
        suite,
        components: words(fields.get('components')),
      })),
    );
  });

function deb822Fields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let name = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#')) continue;
    const start = /^([A-Za-z0-9-]+):(.*)$/.exec(line);
    if (start?.[1]) name = start[1].toLowerCase();
    if (name !== '') fields.set(name, `${fields.get(name) ?? ''} ${start ? start[2] : line}`);
  }
  return fields;
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter((word) => word !== '');

const isWeb = ({ uri }: AptSource): boolean => /^https?:\/\//.test(uri);
/** bookworm-security, bookworm-updates, bookworm/updates, stable-backports */
const isSide = ({ suite }: AptSource): boolean => /[-/]/.test(suite);

/** The archive to build a suite from: where apt has that suite, else any archive that has a main suite; never security. */
export function mirrorFor(sources: readonly AptSource[], suite: string): string | undefined {
  const archives = sources.filter(
    (source) => isWeb(source) && !isSide(source) && source.components.includes('main'),
  );
  return (archives.find((source) => source.suite === suite) ?? archives[0])?.uri.replace(/\/+$/, '');
}

/** Lines for the guest's own sources: security and updates of the suite, where the node has them. */
export const sideSources = (sources: readonly AptSource[], suite: string): string[] =>
  sources
    .filter((source) => isWeb(source) && [`${suite}-security`, `${suite}-updates`].includes(source.suite))
    .map((source) => `deb ${source.uri} ${source.suite} ${source.components.join(' ')}`);
