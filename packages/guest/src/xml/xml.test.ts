import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { element, text } from './element.ts';
import { parseXml } from './parser.ts';
import { writeInline, writeXml } from './writer.ts';

/** What XML 1.0 can carry. */
const carried = fc
  .string({ unit: 'binary', maxLength: 30 })
  .filter((s) => s.isWellFormed() && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(s));

describe('writer and parser', () => {
  test('any text and attribute comes back unchanged', () => {
    fc.assert(
      fc.property(carried, carried, (attribute, content) => {
        const xml = writeXml(element('a', { b: attribute }, content === '' ? [] : [content]));
        const back = parseXml(xml);
        expect(back.attributes['b']).toBe(attribute);
        expect(back.children.join('')).toBe(content);
      }),
    );
  });

  test.each(['\r', '\n', '\t', '\r\n', ' a ', ']]>', '&#10;', '<a b="\'">', '\u{1f600}', '&amp;'])(
    '%j',
    (value) => {
      const back = parseXml(writeXml(element('a', { b: value }, [value])));
      expect(back.attributes['b']).toBe(value);
      expect(back.children.join('')).toBe(value);
    },
  );

  test.each([
    ['NUL', '\u0000'],
    ['control', 'a\u0001'],
    ['escape', '\u001b[2J'],
    ['lone surrogate', '\ud800x'],
    ['noncharacter', '\ufffe'],
  ])('the writer refuses %s', (_, value) => {
    expect(() => writeXml(element('a', { b: value }))).toThrow(
      expect.objectContaining({ code: 'guest_refused' }),
    );
    expect(() => writeXml(element('a', {}, [value]))).toThrow(
      expect.objectContaining({ code: 'guest_refused' }),
    );
  });

  test.each(['', 'a b', '1a', 'a>', 'a:b:c', 'x/'])('the writer refuses the name %j', (name) => {
    expect(() => writeXml(element(name))).toThrow(expect.objectContaining({ code: 'guest_refused' }));
    expect(() => writeXml(element('a', { [name]: '1' }))).toThrow(
      expect.objectContaining({ code: 'guest_refused' }),
    );
  });

  test('text beside elements is refused', () => {
    expect(() => writeXml(element('a', {}, ['x', element('b')]))).toThrow('mixes');
  });

  test('inline form has no layout', () => {
    expect(writeInline(element('a', { b: 'c' }, [element('d', {}, ['<'])]))).toBe("<a b='c'><d>&lt;</d></a>");
  });
});

describe('the parser refuses', () => {
  const bomb = `<!DOCTYPE a [<!ENTITY x "${'y'.repeat(10)}">]><a>&x;</a>`;
  test.each([
    ['an entity bomb', bomb, 'document type'],
    ['any document type', '<!DOCTYPE a><a/>', 'document type'],
    ['an external entity', '<!DOCTYPE a SYSTEM "/etc/passwd"><a/>', 'document type'],
    ['an undefined entity', '<a>&x;</a>', 'well-formed'],
    ['an unclosed tag', '<a><b></a>', 'well-formed'],
    ['two roots', '<a/><b/>', 'well-formed'],
    ['a doubled attribute', "<a b='1' b='2'/>", 'well-formed'],
    ['nothing', '', 'well-formed'],
    ['depth', '<a>'.repeat(65) + '</a>'.repeat(65), 'deep'],
  ])('%s', (_, xml, words) => {
    expect(() => parseXml(xml)).toThrow(words);
  });

  test('what is too large', () => {
    expect(() => parseXml(`<a>${'x'.repeat(100)}</a>`, { size: 50 })).toThrow('50 characters');
    expect(() => parseXml(`<a>${'<b/>'.repeat(20)}</a>`, { elements: 10 })).toThrow('10 elements');
  });

  test('garbage, always with a GantryError', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('<', '>', '/', '&', ';', '!', '[', ']', 'a', "'", '=', ' ', '\u0000'),
        }),
        (xml) => {
          try {
            parseXml(xml);
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_argument' });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

test('comments, instructions and layout are dropped; CDATA is text', () => {
  const root = parseXml('<?xml version="1.0"?><a>\n  <!-- x --><b><![CDATA[<&]]></b>\n</a>');
  expect(root.children).toHaveLength(1);
  expect(text(root.children[0] as typeof root)).toBe('<&');
});
