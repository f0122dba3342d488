/** A lost race: something was not as the batch expected. Nothing was written. */
export type ConflictReason =
  | { what: 'revision'; kind: string; id: string }
  | { what: 'claim'; space: string; value: string; owner: string }
  | { what: 'counter'; name: string }
  | { what: 'idempotency'; key: string }
  | { what: 'seen'; node: string };

export class Conflict extends Error {
  readonly reason: ConflictReason;

  constructor(reason: ConflictReason) {
    super(`conflict: ${JSON.stringify(reason)}`);
    this.name = 'Conflict';
    this.reason = reason;
  }
}

const ATTEMPTS = 30;

/**
 * Runs `decide` again as long as its commit meets a Conflict: it must read anew each time.
 * @throws the last Conflict when others always win
 */
export async function retrying<T>(decide: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await decide();
    } catch (error) {
      if (!(error instanceof Conflict) || attempt === ATTEMPTS) throw error;
    }
  }
}
