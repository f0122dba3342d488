/** Everything that `gantry explain` knows. Loaded on use: it needs all schemas. */
import { flavorKeys, imageKeys, type Key, precedenceText, stateText } from '@gantry/guest';
import * as model from '@gantry/model';
import { entries, join, section, subTable } from '../output/describe.ts';
import { childrenOf, fieldAt, isRequired, type Schema, typeText } from './schema-text.ts';

export interface Explanation {
  name: string;
  text: string;
  /** The same for programs. */
  value: unknown;
}

const resources: Readonly<Record<string, Schema>> = Object.fromEntries(
  Object.entries({
    cluster: model.Cluster,
    group: model.Group,
    node: model.Node,
    flavor: model.Flavor,
    image: model.Image,
    network: model.Network,
    disk: model.Disk,
    instance: model.Instance,
    operation: model.Operation,
    event: model.Event,
    project: model.Project,
    token: model.Token,
    guest: model.Guest,
  }).map(([name, schema]) => [name, schema as unknown as Schema]),
);
const keys: Readonly<Record<string, readonly Key[]>> = { flavor: flavorKeys, image: imageKeys };

/** All that may be asked for, first words only; for completion. */
export function topics(): (readonly [string, string])[] {
  return [
    ...Object.keys(resources).map((name) => [name, 'fields'] as const),
    ...Object.keys(resources).flatMap((name) =>
      [...childrenOf(resources[name]).keys()].map((field) => [`${name}.${field}`, 'field'] as const),
    ),
    ...Object.entries(keys).flatMap(([kind, list]) =>
      list.map(({ key, doc }) => [`${kind}.${key}`, doc] as const),
    ),
    ...Object.keys(model.errorRegistry).map((code) => [code, 'error code'] as const),
  ];
}

/** @throws GantryError `not_found`, with the nearest topic */
export function explainTopic(topic: string): Explanation {
  const found = errorCode(topic) ?? property(topic) ?? field(topic);
  if (found) return found;
  const close = model.nearest(
    topic,
    topics().map(([name]) => name),
  );
  throw model.err('invalid_argument', {
    what: JSON.stringify(topic.slice(0, 128)),
    wanted: `something that can be explained: a field such as instance.spec, a property such as flavor.hw:pmu, or an error code${close ? ` (did you mean ${close}?)` : ''}`,
  });
}

function errorCode(topic: string): Explanation | undefined {
  if (!Object.hasOwn(model.errorRegistry, topic)) return undefined;
  const value = model.errorRegistry[topic as model.ErrorCode];
  const { message, hint, status, exit } = value;
  return {
    name: topic,
    value: { code: topic, ...value },
    text: entries([
      ['code', topic],
      ['message', message],
      ['what to do', hint],
      ['HTTP status', status],
      ['exit code', exit],
    ]),
  };
}

/** `flavor.hw:pmu`, or the key alone. */
function property(topic: string): Explanation | undefined {
  const dot = topic.indexOf('.');
  const kind = dot > 0 && topic.slice(0, dot) in keys ? topic.slice(0, dot) : undefined;
  const wanted = kind === undefined ? topic : topic.slice(dot + 1);
  const found = Object.entries(keys)
    .filter(([name]) => kind === undefined || name === kind)
    .flatMap(([name, list]) => list.filter((one) => isKey(one, wanted)).map((one) => [name, one] as const));
  const [first] = found;
  if (!first) return undefined;
  return {
    name: topic,
    value: found.map(([of, key]) => ({ of, ...key })),
    text: found.map(([of, key]) => keyText(of, key)).join('\n\n'),
  };
}

const isKey = (one: Key, wanted: string): boolean =>
  one.key === wanted || one.aliases?.includes(wanted) === true || one.pattern?.test(wanted) === true;

const keyText = (of: string, key: Key): string =>
  entries([
    ['property', `${key.key}   (of ${of === 'flavor' ? 'a flavor' : 'an image'})`],
    ['meaning', key.doc],
    ['type', keyType(key)],
    ['unit', key.unit],
    ['default', key.default],
    ['domain XML', key.effect],
    ['with', key.twin && `${key.twin.key}: ${precedenceText[key.twin.wins]}`],
    ['since', `Nova ${key.since}`],
    ['state', stateText(key)],
    ['older names', key.aliases?.join(' ')],
    ['example', `gantry ${of} set NAME --property ${key.key}=${exampleOf(key)}`],
  ]);

function keyType({ value }: Key): string {
  if (value.type === 'boolean') return 'true or false';
  if (value.type === 'integer') return `integer ${value.min}..${value.max}`;
  return value.type === 'word' ? `one of ${value.words.join(', ')}` : value.wanted;
}
function exampleOf({ value }: Key): string {
  if (value.type === 'boolean') return 'true';
  if (value.type === 'integer') return String(Math.max(value.min, 1));
  return value.type === 'word' ? (value.words[0] ?? '') : 'VALUE';
}

function field(topic: string): Explanation | undefined {
  const [root = '', ...path] = topic.split('.');
  const resource = Object.hasOwn(resources, root) ? resources[root] : undefined;
  const schema = resource && fieldAt(resource, path);
  if (!schema) return undefined;
  const head = entries([
    ['field', topic],
    ['type', typeText(schema)],
    ['meaning', schema.description],
    ['pattern', schema.pattern],
    ['properties', keys[topic] && `gantry explain ${topic}.KEY explains one; the keys are below`],
  ]);
  const rows = [...childrenOf(schema)].map(([name, child]) => [
    isRequired(schema, name) ? name : `${name}?`,
    typeText(child),
    child.description ?? '',
  ]);
  const keyRows = (keys[topic] ?? []).map((key) => [key.key, keyType(key), key.doc]);
  const text = join(
    head,
    section('Fields', subTable(['FIELD', 'TYPE', 'MEANING'], rows)),
    section('Properties', subTable(['KEY', 'TYPE', 'MEANING'], keyRows)),
  );
  return { name: topic, value: schema, text };
}
