/** What every resource has: spec (desired), status (observed), generation, revision, labels, conditions. */
import { AnyId, ProjectId } from '../ids.ts';
import { optional, type Static, strict, stringMap, Timestamp, type TSchema, Type } from '../schema.ts';

/** `INCARNATION.NUMBER`: the store's incarnation and the number of the change. Compared as a pair, never across incarnations. */
export const Revision = Type.String({
  pattern: '^\\d{1,16}\\.\\d{1,16}$',
  description: 'store incarnation and number of the change',
});
export type Revision = Static<typeof Revision>;

/** A fencing token: rises with every new binding; older ones are refused. */
export const Epoch = strict(
  { incarnation: Type.Integer({ minimum: 0 }), number: Type.Integer({ minimum: 0 }) },
  { description: 'fencing token of a binding: (store incarnation, number)' },
);
export type Epoch = Static<typeof Epoch>;

/** Negative when a is older than b. */
export const compareEpochs = (a: Epoch, b: Epoch): number =>
  a.incarnation - b.incarnation || a.number - b.number;

export const Condition = strict(
  {
    type: Type.String({ description: 'Ready, KvmWorks, ...' }),
    status: Type.Union([Type.Literal('true'), Type.Literal('false'), Type.Literal('unknown')]),
    reason: Type.String({ description: 'one CamelCase word' }),
    message: Type.String({ description: 'for people: what, why, remedy' }),
    since: Timestamp,
  },
  { description: 'one thing that holds or does not, with its reason' },
);
export type Condition = Static<typeof Condition>;

/** The envelope of a resource around its spec and status. */
export const resource = <K extends string, S extends TSchema, T extends TSchema>(
  kind: K,
  name: TSchema,
  spec: S,
  status: T,
) =>
  Type.Object(
    {
      kind: Type.Literal(kind),
      id: AnyId,
      name: Type.Unsafe<string>(name),
      project: optional(ProjectId),
      labels: optional(stringMap('free `key=value` pairs of the user')),
      revision: Revision,
      generation: Type.Integer({ minimum: 1, description: 'rises with every change of spec' }),
      observedGeneration: optional(
        Type.Integer({ minimum: 0, description: 'generation of the spec that the status speaks of' }),
      ),
      createdAt: Timestamp,
      spec,
      status,
    },
    { additionalProperties: false },
  );

/** What of the envelope the store adds. */
export interface Envelope {
  id: string;
  name: string;
  project?: string;
  labels?: Record<string, string>;
  revision: Revision;
  generation: number;
  observedGeneration?: number;
  createdAt: string;
}
