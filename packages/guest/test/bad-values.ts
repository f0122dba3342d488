/** Of every key of the two vocabularies: a name, a value that it accepts, and values of every kind that it must not accept. */
import type { Key, KeyType } from '../src/specs/key.ts';

/** A name that the row’s pattern accepts. */
export const nameOf = ({ key, pattern }: Key): string =>
  pattern
    ? key.replace(/N$/, '0').replace('CLASS', 'CUSTOM_X').replace('NAME', 'CUSTOM_X').replace('KEY', 'x')
    : key;

/** A value that the key accepts. */
export function goodValue({ value }: Key): string {
  if (value.type === 'boolean') return 'true';
  if (value.type === 'integer') return String(Math.max(value.min, 1));
  if (value.type === 'word') return value.words[0] ?? '';
  return ['0-3', 'large', 'q35', 'gpu:1', '>=7.0', 'text'].find((text) => value.pattern.test(text)) ?? '';
}

/** Free text says nothing about hardware: any one line will do, and it is in no domain. */
export const isFreeText = ({ value }: Key): boolean =>
  value.type === 'text' && value.pattern.test('any text at all');

/** Letters and digits that look like ours, or that become ours in lower case. */
const lookalikes: readonly [RegExp, (c: string) => string][] = [
  [/[aeopcxyi]/, (c) => ({ a: 'а', e: 'е', o: 'о', p: 'р', c: 'с', x: 'х', y: 'у', i: 'і' })[c] ?? c],
  [/[a-z]/, (c) => String.fromCharCode(c.charCodeAt(0) - 97 + 0xff41)],
  [/[0-9]/, (c) => String.fromCharCode(Number(c) + 0xff10)],
  [/[0-9]/, (c) => String.fromCharCode(Number(c) + 0x0660)],
  [/k/, () => '\u212a'],
  [/-/, () => '\u2010'],
];

export const homoglyphs = (text: string): string[] =>
  lookalikes.map(([letter, swap]) => text.replace(letter, swap)).filter((other) => other !== text);

const blanks = [' ', '\t', '\n', '\r\n', '\u00a0', '\u200b', '\u2003', '\ufeff', '\u0000'];
export const surrounded = (text: string): string[] => blanks.flatMap((blank) => [blank + text, text + blank]);

/** Made to become markup, a path, a second setting, or a property of every object. */
export const breakOut: readonly string[] = [
  "x'/><evil/>",
  'x"><evil/>',
  'x\u0000',
  ']]>',
  '<![CDATA[<evil/>]]>',
  '&evil;',
  '&#60;evil/&#62;',
  '<!--',
  '<?evil?>',
  'x\nhw:pmu=true',
  '../../etc',
  '\ud800',
  '\uffff',
  '__proto__',
  'constructor',
  '$(touch /etc/evil)',
  'x'.repeat(5000),
];

const wrongNumbers = (min: number, max: number): string[] => [
  String(min - 1),
  String(max + 1),
  '1e3',
  '0x1',
  '1.5',
  '+1',
  '1_000',
  '--1',
  '1,2',
  '[1]',
  '',
  'one',
  'true',
  'NaN',
  'Infinity',
  '18446744073709551616',
];

const wrongBooleans = [
  '',
  '2',
  '-1',
  '1.0',
  'maybe',
  'null',
  'undefined',
  'yess',
  'truefalse',
  '[true]',
  'on,off',
];

function wrongType(value: KeyType, good: string): string[] {
  if (value.type === 'integer') return wrongNumbers(value.min, value.max);
  if (value.type === 'boolean') return wrongBooleans;
  if (value.type === 'text') return [];
  const others = ['', '-1', 'maybe', `${good},${good}`, `${good}${good}`, good.slice(1)];
  const cases = value.anyCase ? [] : [good.toUpperCase(), good.charAt(0).toUpperCase() + good.slice(1)];
  return [...others, ...cases].filter((word) => !allowed(value, word));
}

const allowed = ({ words, aliases }: Extract<KeyType, { type: 'word' }>, word: string): boolean =>
  words.includes(word) || (aliases !== undefined && Object.hasOwn(aliases, word.toLowerCase()));

/** None of these may be accepted. */
export function badValues(key: Key): string[] {
  const good = goodValue(key);
  const made = [...wrongType(key.value, good), ...surrounded(good), ...homoglyphs(good), ...breakOut];
  return [...new Set(made)].filter((bad) => bad !== good && !isWord(key.value, bad));
}

/** QEMU judges words such as those of machines; of what they are made is checked here. */
const isWord = (value: KeyType, text: string): boolean =>
  value.type === 'text' && /^[a-z]+$/.test(text) && value.pattern.test(text);

/** Names that somebody types who means that key. */
export function misspelt(name: string): string[] {
  const middle = Math.floor(name.length / 2) + 2;
  return [
    `${name}x`,
    name.slice(0, middle) + name.slice(middle + 1),
    name.slice(0, middle) + name.charAt(middle) + name.slice(middle),
    name.toUpperCase(),
    name.charAt(0).toUpperCase() + name.slice(1),
  ];
}
