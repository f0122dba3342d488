/**
 * The one writer of XML. It refuses what XML 1.0 cannot carry (control characters, lone surrogates, U+FFFE, U+FFFF)
 * and writes CR, and LF and TAB in attributes, as references, so that a parser gives back what was put in.
 */
import { err } from '@gantry/model';
import type { XmlElement } from './element.ts';

const SPECIAL_IN_TEXT = /[&<>\r]/;
const SPECIAL_IN_ATTRIBUTE = /[&<>"'\r\n\t]/;
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?$/;

const references: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/**
 * The document, indented by two blanks, without XML declaration.
 * Elements with text keep their content on one line; text beside child elements is refused, since indenting would change it.
 * @throws GantryError `guest_refused`
 */
export function writeXml(root: XmlElement): string {
  const out: string[] = [];
  write(root, '', out);
  return out.join('');
}

/** The element on one line, for people: explanations and messages. */
export function writeInline(root: XmlElement): string {
  const open = openTag(root);
  if (root.children.length === 0) return `${open}/>`;
  const inner = root.children.map((c) => (typeof c === 'string' ? escapeText(c) : writeInline(c))).join('');
  return `${open}>${inner}</${root.name}>`;
}

function write(node: XmlElement, indent: string, out: string[]): void {
  out.push(indent, openTag(node));
  const text = textOf(node);
  if (text !== undefined) out.push('>', escapeText(text), `</${node.name}>\n`);
  else if (node.children.length === 0) out.push('/>\n');
  else {
    out.push('>\n');
    for (const child of node.children) write(child as XmlElement, `${indent}  `, out);
    out.push(indent, `</${node.name}>\n`);
  }
}

/** The text of an element that has only text; undefined for one with child elements or nothing. */
function textOf(node: XmlElement): string | undefined {
  const texts = node.children.filter((c) => typeof c === 'string');
  if (texts.length === 0) return undefined;
  if (texts.length < node.children.length) throw refused(`<${node.name}> mixes text and elements`);
  return texts.join('');
}

function openTag(node: XmlElement): string {
  let tag = `<${name(node.name)}`;
  for (const key in node.attributes)
    tag += ` ${name(key)}='${escapeAttribute(node.attributes[key] ?? '', node.name, key)}'`;
  return tag;
}

const knownNames = new Set<string>();

/** Names come from code, but one slip would let a value become markup. */
function name(candidate: string): string {
  if (knownNames.has(candidate)) return candidate;
  if (!NAME.test(candidate)) throw refused(`${JSON.stringify(candidate.slice(0, 64))} is not an XML name`);
  if (knownNames.size < 1024) knownNames.add(candidate);
  return candidate;
}

function escapeAttribute(value: string, element: string, key: string): string {
  check(value, `attribute ${key} of <${element}>`);
  return SPECIAL_IN_ATTRIBUTE.test(value)
    ? value.replace(/[&<>"'\r\n\t]/g, (c) => references[c] ?? c)
    : value;
}

function escapeText(value: string): string {
  check(value, 'text');
  return SPECIAL_IN_TEXT.test(value) ? value.replace(/[&<>\r]/g, (c) => references[c] ?? c) : value;
}

function check(value: string, where: string): void {
  if (!value.isWellFormed()) throw refused(`${where} contains half a surrogate pair`);
  const bad = FORBIDDEN.exec(value);
  if (bad) {
    const code = bad[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
    throw refused(`${where} contains the character U+${code}, which XML cannot carry`);
  }
}

const refused = (why: string) => err('guest_refused', { why });
