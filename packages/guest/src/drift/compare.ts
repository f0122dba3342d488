/**
 * What is there against what is asked: every element and attribute that is asked for must be there, and what else is
 * there must be libvirt's own. What was asked when the guest was defined tells a change of settings from one by hand.
 */
import type { Origin } from '../origin.ts';
import { steps } from '../paths.ts';
import { text, type XmlElement } from '../xml/element.ts';
import { gives, givesText, isAddition, isBalloon, isDefault, isLeftOut } from './by-libvirt.ts';

export interface Found {
  /** Of the element, with `/@name` for an attribute. */
  readonly path: string;
  readonly cause: 'settings' | 'foreign';
  /** An attribute's value or an element's text; a whole element where it is there on one side only. */
  readonly now?: string | XmlElement;
  readonly wanted?: string | XmlElement;
  /** Who decided the element that is asked for; where none is, nobody. */
  readonly origin?: Origin;
}

/** Three views of one element. */
interface Views {
  asked: XmlElement;
  now: XmlElement;
  /** What was asked before; undefined where that is not known, or where it was not asked for. */
  before: XmlElement | undefined;
}

/** All three in canonical form. `before`: what was asked when the domain was defined, where that is known. */
export function compare(asked: XmlElement, now: XmlElement, before: XmlElement | undefined): Found[] {
  const found: Found[] = [];
  element({ asked, now, before }, '/domain', asked.origin, found);
  return found;
}

function element(views: Views, path: string, inherited: Origin | undefined, found: Found[]): void {
  const by = views.asked.origin ?? inherited;
  const say = (one: Omit<Found, 'origin'>) => found.push(by ? { ...one, origin: by } : one);
  attributes(views, path, say);
  content(views, path, say);
  children(views, path, by, found);
}

type Say = (one: Omit<Found, 'origin'>) => void;

function attributes({ asked, now, before }: Views, path: string, say: Say): void {
  const keys = new Set([...Object.keys(asked.attributes), ...Object.keys(now.attributes)]);
  for (const key of keys) {
    if (key === 'unit' && isSize(asked)) continue;
    const [wanted, is, was] = [asked, now, before].map((view) => view?.attributes[key]);
    if (wanted === undefined && was === undefined && isDefault(now, key, asked)) continue;
    if (wanted !== undefined && (is === undefined ? isLeftOut(asked, key) : gives(wanted, is, key))) continue;
    const cause = before !== undefined && wanted === was ? 'foreign' : 'settings';
    say({ path: `${path}/@${key}`, cause, ...given('now', is), ...given('wanted', wanted) });
  }
}

function content({ asked, now, before }: Views, path: string, say: Say): void {
  if (givesText(asked, now) && (!isSize(asked) || asked.attributes['unit'] === now.attributes['unit']))
    return;
  const cause = before !== undefined && said(asked) === said(before) ? 'foreign' : 'settings';
  say({ path, cause, ...given('now', said(now)), ...given('wanted', said(asked)) });
}

/** `<memory unit='GiB'>4</memory>`: number and unit are one value. */
const isSize = (node: XmlElement): boolean => node.attributes['unit'] !== undefined && text(node) !== '';
const said = (node: XmlElement | undefined): string | undefined =>
  node && isSize(node) ? `${text(node)} ${node.attributes['unit']}` : text(node);

/** What is there in its order, then what is missing. */
function children({ asked, now, before }: Views, path: string, by: Origin | undefined, found: Found[]): void {
  const [wanted, there, earlier] = [steps(asked), steps(now), steps(before)];
  for (const [step, is] of there) {
    const at = `${path}/${step}`;
    const child = wanted.get(step);
    const was = earlier.get(step);
    if (isBalloon(is, child, [asked, now])) continue;
    if (child) element({ asked: child, now: is, before: was }, at, by, found);
    else if (was) found.push({ path: at, cause: 'settings', now: is });
    else if (!isAddition(is, now, asked)) found.push({ path: at, cause: 'foreign', now: is });
  }
  for (const [step, child] of wanted) {
    if (there.has(step)) continue;
    const cause = earlier.has(step) ? 'foreign' : 'settings';
    found.push({ path: `${path}/${step}`, cause, wanted: child, ...given('origin', child.origin ?? by) });
  }
}

const given = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
