/** One side of a SASL exchange. */
export interface SaslClient {
  /** What goes with the request to start. */
  first(): Uint8Array;
  /** The answer to a challenge; undefined when there is nothing more to say. */
  step(challenge: Uint8Array): Promise<Uint8Array | undefined>;
  /** Whether the server has proven itself, for mechanisms where it must. */
  readonly done: boolean;
}
