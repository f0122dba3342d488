/**
 * /etc/default/ganeti-instance-debootstrap, read as what it nearly always is, a list of NAME=VALUE, and never run: it
 * is a shell script to Ganeti.
 */

/** @returns values by lower-case name, and the lines that only a shell could understand */
export function parseDefaults(text: string): { values: Record<string, string>; ignored: string[] } {
  const values: Record<string, string> = {};
  const ignored: string[] = [];
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, quoted, single, bare] =
      /^(?:export\s+)?([A-Z_][A-Z0-9_]*)=(?:"([^"$`\\]*)"|'([^']*)'|([^\s"'$`\\;&|<>()]*))\s*(?:#.*)?$/.exec(
        line,
      ) ?? [];
    if (name === undefined) ignored.push(line);
    else values[name.toLowerCase()] = quoted ?? single ?? bare ?? '';
  }
  return { values, ignored };
}
