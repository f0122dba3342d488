import type { DomainSpec, EndAction } from './machine.ts';
import { MachineRefusal } from './machine.ts';

/** Elements whose text the machine needs, with what QEMU takes when they are missing. */
const TOKEN = /<(?:!--[\s\S]*?--|\?[\s\S]*?\?|(\/?)([\w:.-]+)((?:[^>"']|"[^"]*"|'[^']*')*?)(\/?))>|([^<]+)/g;
const ACTIONS: readonly string[] = ['destroy', 'restart', 'preserve'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * What the machine needs of a domain's XML: text of the root's own children. A scanner for tests, not an XML parser:
 * it takes well-formed input and refuses the slips that tests make.
 */
export function parseDomainSpec(xml: string, newUuid: () => string): DomainSpec {
  const texts = rootChildren(xml);
  const name = texts.get('name')?.trim();
  if (name === undefined || name === '') throw xmlError('name element is missing');
  const uuid = texts.get('uuid')?.trim().toLowerCase() ?? newUuid();
  if (!UUID.test(uuid)) throw xmlError('malformed uuid element');
  return {
    uuid,
    name,
    xml,
    onPoweroff: actionOf(texts.get('on_poweroff'), 'destroy'),
    onReboot: actionOf(texts.get('on_reboot'), 'restart'),
    onCrash: actionOf(texts.get('on_crash'), 'destroy'),
  };
}

function actionOf(text: string | undefined, otherwise: EndAction): EndAction {
  if (text === undefined) return otherwise;
  if (!ACTIONS.includes(text)) throw xmlError(`unknown lifecycle action '${text}'`);
  return text as EndAction;
}

const xmlError = (message: string): MachineRefusal =>
  new MachineRefusal('VIR_ERR_XML_ERROR', 'VIR_FROM_DOMAIN', `XML error: ${message}`);

function rootChildren(xml: string): Map<string, string> {
  const texts = new Map<string, string>();
  const open: string[] = [];
  let end = 0;
  for (const match of xml.matchAll(TOKEN)) {
    if (match.index !== end) break;
    end += match[0].length;
    const [, closing, tag, , empty, text] = match;
    if (text !== undefined) collect(texts, open, text);
    else if (tag !== undefined) nest(open, tag, closing === '/', empty === '/');
  }
  if (end !== xml.length || open.length > 0)
    throw new MachineRefusal('VIR_ERR_XML_DETAIL', 'VIR_FROM_DOMAIN', '(domain_definition): not well-formed');
  return texts;
}

function collect(texts: Map<string, string>, open: readonly string[], text: string): void {
  const [, child, deeper] = open;
  if (child !== undefined && deeper === undefined) texts.set(child, (texts.get(child) ?? '') + text);
}

function nest(open: string[], tag: string, closing: boolean, empty: boolean): void {
  if (closing && open.pop() !== tag) throw xmlError(`'${tag}' closes what was not open`);
  if (closing || (empty && open.length > 0)) return;
  if (open.length === 0 && tag !== 'domain')
    throw new MachineRefusal(
      'VIR_ERR_XML_ERROR',
      'VIR_FROM_XML',
      `XML error: expecting root element of 'domain', not '${tag}'`,
    );
  if (!empty) open.push(tag);
}
