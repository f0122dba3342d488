/** A generic XML element: what the elements compile to, what the writer writes and what the parser gives back. */
import type { Origin } from '../origin.ts';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
  /** Who decided this element; without it, the parent's origin holds. Never written. */
  readonly origin?: Origin;
}

type AttributeValue = string | number | undefined;

/** An element; undefined attributes and children are left out. */
export function element(
  name: string,
  attributes: Record<string, AttributeValue> = {},
  children: readonly (XmlElement | string | undefined)[] = [],
  origin?: Origin,
): XmlElement {
  const present: Record<string, string> = Object.create(null);
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) present[key] = String(value);
  }
  const content = children.filter((child) => child !== undefined);
  return origin === undefined
    ? { name, attributes: present, children: content }
    : { name, attributes: present, children: content, origin };
}

/** An element with nothing but text. */
export const textElement = (name: string, text: string | number, origin?: Origin): XmlElement =>
  element(name, {}, [String(text)], origin);

/** The libvirt idiom `<name state='on'/>`. */
export const switchElement = (name: string, on: boolean, origin?: Origin): XmlElement =>
  element(name, { state: on ? 'on' : 'off' }, [], origin);

/** First child element of that name. */
export const child = (parent: XmlElement | undefined, name: string): XmlElement | undefined =>
  elements(parent).find((c) => c.name === name);

/** The element down a path of names. */
export const descend = (from: XmlElement | undefined, ...names: string[]): XmlElement | undefined =>
  names.reduce<XmlElement | undefined>(child, from);

/** Child elements, optionally of one name. */
export const elements = (parent: XmlElement | undefined, name?: string): XmlElement[] =>
  (parent?.children ?? []).filter(
    (c): c is XmlElement => typeof c !== 'string' && (name === undefined || c.name === name),
  );

/** The text directly inside, without surrounding blanks. */
export const text = (from: XmlElement | undefined): string | undefined =>
  from === undefined
    ? undefined
    : from.children
        .filter((c) => typeof c === 'string')
        .join('')
        .trim();
