import { type Fields, type Layout, type StructIn, type StructOut, struct } from '../layouts.ts';

/** What the server sends for one kind of event: for which registration, and the event itself. */
export interface EventMessage<T> {
  readonly callbackID: number;
  readonly event: T;
}

/** One kind of event: the id to register (`virDomainEventID` and its like), the procedure its packets bear, their layout. */
export interface EventKind<T> {
  readonly id: number;
  readonly procedure: number;
  readonly layout: Layout<EventMessage<T>>;
}

/**
 * The oldest kinds carry their fields in a nested struct and the newer ones flat; on the wire that is the same:
 * the registration's id first, then the fields.
 */
export function event<F extends Fields>(id: number, procedure: number, fields: F): EventKind<StructOut<F>> {
  const body = struct(fields);
  return {
    id,
    procedure,
    layout: {
      minBytes: 4 + body.minBytes,
      write(to, message) {
        to.int(message.callbackID);
        body.write(to, message.event as StructIn<F>);
      },
      read: (from) => ({ callbackID: from.int(), event: body.read(from) }),
    },
  };
}

/** What an event of this kind says. */
export type EventBody<K> = K extends EventKind<infer T> ? T : never;
