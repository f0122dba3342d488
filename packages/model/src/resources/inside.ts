import { oneOf, optional, type Static, strict, Type } from '../schema.ts';

/** What the guest's own agent tells: the guest's word, not ours. Changes seldom, so it may stand in a status. */
export const Inside = strict({
  agent: oneOf(
    ['answers', 'silent', 'absent'] as const,
    '`absent`: no agent is connected; `silent`: one is, and does not answer, or not sensibly',
  ),
  why: optional(Type.String({ maxLength: 512, description: 'of a silent one: what went wrong' })),
  interfaces: optional(
    Type.Array(
      strict({
        name: Type.String({ maxLength: 64 }),
        mac: optional(Type.String({ maxLength: 64 })),
        addresses: Type.Array(Type.String({ maxLength: 128 }), { maxItems: 16 }),
      }),
      { maxItems: 32 },
    ),
  ),
  fileSystems: optional(
    Type.Array(
      strict({
        mountpoint: Type.String({ maxLength: 255 }),
        device: Type.String({ maxLength: 64 }),
        type: Type.String({ maxLength: 64 }),
      }),
      { maxItems: 32 },
    ),
  ),
});
export type Inside = Static<typeof Inside>;
