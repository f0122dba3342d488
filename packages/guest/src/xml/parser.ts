/**
 * libvirt's XML to the generic tree. Well-formed documents only; no document type, hence no entities to expand;
 * bounded in size, depth and number of elements. Comments, processing instructions and blanks between elements are dropped.
 */
import { err } from '@gantry/model';
import { SaxesParser } from 'saxes';
import type { XmlElement } from './element.ts';

export interface ParseLimits {
  /** UTF-16 code units. */
  size: number;
  depth: number;
  elements: number;
}

const defaults: ParseLimits = { size: 8 * 2 ** 20, depth: 64, elements: 100_000 };

interface Open {
  name: string;
  attributes: Record<string, string>;
  children: (XmlElement | string)[];
}

/**
 * The root element.
 * @throws GantryError `invalid_argument` when it is not well-formed, has a document type or exceeds a limit
 */
export function parseXml(source: string, limits: Partial<ParseLimits> = {}): XmlElement {
  const { size, depth, elements } = { ...defaults, ...limits };
  if (source.length > size) throw unreadable(`at most ${size} characters`);
  const stack: Open[] = [];
  let root: XmlElement | undefined;
  let seen = 0;

  const parser = new SaxesParser({ xmlns: false, position: true });
  parser.on('error', (error) => {
    throw unreadable(`well-formed XML (${error.message.slice(0, 200)})`);
  });
  parser.on('doctype', () => {
    throw unreadable('XML without a document type');
  });
  parser.on('opentag', (tag) => {
    if (++seen > elements) throw unreadable(`XML of at most ${elements} elements`);
    if (stack.length >= depth) throw unreadable(`XML nested at most ${depth} deep`);
    stack.push({ name: tag.name, attributes: tag.attributes, children: [] });
  });
  parser.on('text', (text) => stack.at(-1)?.children.push(text));
  parser.on('cdata', (text) => stack.at(-1)?.children.push(text));
  parser.on('closetag', () => {
    const done = finish(stack.pop());
    const parent = stack.at(-1);
    if (parent) parent.children.push(done);
    else root = done;
  });

  parser.write(source).close();
  if (!root) throw unreadable('XML with a root element');
  return root;
}

/** Blanks beside child elements are layout; alone they are content. */
function finish(open: Open | undefined): XmlElement {
  if (!open) throw unreadable('well-formed XML');
  const nested = open.children.some((c) => typeof c !== 'string');
  const children = nested
    ? open.children.filter((c) => typeof c !== 'string' || c.trim() !== '')
    : open.children;
  return { name: open.name, attributes: open.attributes, children };
}

const unreadable = (wanted: string) => err('invalid_argument', { what: 'the domain XML', wanted });
