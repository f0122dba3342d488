/** Edits of the configuration files that decide who may talk to libvirt. What they do not concern stays as it was. */
import { type Credentials, formatAuthConf, parseKeyFile } from '@gantry/libvirt';

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
const textOf = (lines: readonly string[]): string => `${lines.join('\n')}\n`;

/** Replaces the first line of that kind; else the new one goes below the commented example, else to the end. */
function put(text: string, active: RegExp, example: RegExp, line: string): string {
  const lines = linesOf(text);
  const at = lines.findIndex((one) => active.test(one));
  if (at >= 0) return textOf(lines.with(at, line));
  const below = lines.findLastIndex((one) => example.test(one)) + 1;
  return textOf(lines.toSpliced(below === 0 ? lines.length : below, 0, line));
}

/** A setting of libvirtd.conf; of one given twice libvirt takes the first. */
export const withSetting = (text: string, key: string, value: string): string =>
  settingIn(text, key) === value
    ? text
    : put(text, new RegExp(`^\\s*${key}\\s*=`), new RegExp(`^\\s*#\\s*${key}\\s*=`), `${key} = "${value}"`);

/** The value of a text setting, if it is set. */
export const settingIn = (text: string, key: string): string | undefined =>
  new RegExp(`^\\s*${key}\\s*=\\s*["']([^"'\\n]*)["']`, 'm').exec(text)?.[1];

const MECHANISM = 'scram-sha-256';

/** Of SASL's configuration: SCRAM-SHA-256 before all mechanisms that are offered already. */
export function withMechanism(text: string): string {
  const offered = (saslSetting(text, 'mech_list') ?? '').split(/[\s,]+/).filter((name) => name !== '');
  if (offered[0]?.toLowerCase() === MECHANISM) return text;
  const others = offered.filter((name) => name.toLowerCase() !== MECHANISM);
  const line = `mech_list: ${[MECHANISM, ...others].join(' ')}`;
  return put(text, /^\s*mech_list\s*:/, /^\s*#\s*mech_list\s*:/, line);
}

/** The database of accounts, named where none is. */
export const withDatabase = (text: string, path: string): string =>
  saslSetting(text, 'sasldb_path') === undefined
    ? put(text, /^\s*sasldb_path\s*:/, /^\s*#\s*sasldb_path\s*:/, `sasldb_path: ${path}`)
    : text;

/** The value of a line `key: value`. */
export const saslSetting = (text: string, key: string): string | undefined =>
  new RegExp(`^\\s*${key}\\s*:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(text)?.[1];

/** Of auth.conf: the account for libvirt on this machine. @throws TransportError where the file cannot be read, TypeError */
export function withAccount(text: string, path: string, account: Credentials): string {
  parseKeyFile(text, path);
  const ours = formatAuthConf(account, 'localhost');
  const named = new Set(ours.match(/^\[.*\]$/gm));
  const kept: string[] = [];
  let dropping = false;
  for (const line of linesOf(text)) {
    const header = /^\s*(\[[^\][]+\])\s*$/.exec(line)?.[1];
    if (header !== undefined) dropping = named.has(header);
    if (!dropping || line.trimStart().startsWith('#')) kept.push(line);
  }
  while (kept.at(-1)?.trim() === '') kept.pop();
  return kept.length === 0 ? ours : `${textOf(kept)}\n${ours}`;
}

/** A rule for polkit: this user may do everything with libvirt, as root may. */
export const polkitRule = (user: string): string => `// Written by \`gantry node libvirt-auth\`.
polkit.addRule(function (action, subject) {
  if (action.id == "org.libvirt.unix.manage" && subject.user == ${JSON.stringify(user)})
    return polkit.Result.YES;
});
`;
