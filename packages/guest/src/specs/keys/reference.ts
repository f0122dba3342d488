/** The reference pages of extra specs and image properties, made from the tables that the code obeys. */
import type { Key, KeyType, Precedence } from '../key.ts';
import { families } from './families.ts';

export type Vocabulary = 'flavor' | 'image';

const titles: Readonly<Record<Vocabulary, string>> = {
  flavor: 'Extra specs of flavors',
  image: 'Properties of images',
};

const intro: Readonly<Record<Vocabulary, string>> = {
  flavor:
    'Nova’s keys, same meaning. Set them with `gantry flavor set NAME --property KEY=VALUE`; `gantry explain flavor.KEY` shows one.\n' +
    'An unknown key in one of Nova’s namespaces is refused, with the nearest known one, and so is a known one in another case\n' +
    'or an image property; keys without a namespace and in other\n' +
    'namespaces are yours and have no effect. Booleans are 1, t, true, on, y, yes and 0, f, false, off, n, no, in any case.',
  image:
    'Nova’s keys, same meaning. Set them with `gantry image set NAME --property KEY=VALUE`; `gantry explain image.KEY` shows one.\n' +
    'An unknown key that begins with `hw_`, `os_`, `img_` or `trait:` is refused, with the nearest known one, and so is a known one\n' +
    'in another case or an extra spec; others are yours\n' +
    'and have no effect. Older names are read too; where both are set, the key itself wins.',
};

/** Who wins, for people. */
export const precedenceText: Readonly<Record<Precedence, string>> = {
  equal: 'both must say the same',
  image: 'the image wins',
  flavor: 'the flavor wins',
  either: 'true in one of them suffices',
  lower: 'the image may only lower it',
  refine: 'the image decides only where the flavor leaves it open',
  exclusive: 'only one of them may say it',
};

/** The type in words. */
export function typeText(value: KeyType): string {
  if (value.type === 'boolean') return 'boolean';
  if (value.type === 'integer') return `integer ${value.min} to ${value.max}`;
  return value.type === 'word' ? value.words.join(', ') : value.wanted;
}

/** What the cluster does with it. */
export const stateText = (key: Key): string =>
  key.state === 'built'
    ? 'obeyed'
    : key.state === 'inert'
      ? 'no effect'
      : `offline render only: ${key.missing ?? 'not built on a cluster'}`;

/** One page as Markdown. */
export function referencePage(kind: Vocabulary): string {
  const sections = families.flatMap((family) => {
    const keys = family[kind];
    return keys.length === 0 ? [] : [`## ${family.title}\n\n${keys.map(entry).join('\n')}`];
  });
  return [
    `# ${titles[kind]}`,
    '<!-- Generated from packages/guest/src/specs/keys by tools/reference.ts: change it there. -->',
    intro[kind],
    ...sections,
    '',
  ].join('\n\n');
}

function entry(key: Key): string {
  const { value, unit, twin, aliases, harmless } = key;
  const lines = [
    `### \`${key.key}\``,
    key.doc,
    [
      `- Type: ${typeText(value)}${unit ? ` (${unit})` : ''}`,
      `- Default: ${key.default}`,
      key.effect && `- In the domain XML: \`${key.effect}\``,
      twin && `- Together with \`${twin.key}\`: ${precedenceText[twin.wins]}`,
      aliases && `- Older names: ${aliases.map((name) => `\`${name}\``).join(', ')}`,
      `- Nova: ${key.since}`,
      `- State: ${stateText(key)}${key.state === 'later' && harmless ? ` (${harmless.join(', ')} asks for nothing and is accepted)` : ''}`,
    ]
      .filter((line) => line)
      .join('\n'),
  ];
  return `${lines.join('\n\n')}\n`;
}
