/** A connection URI that means nothing here. Says why, and what would do. */
export class UriError extends Error {
  override readonly name = 'UriError';
  readonly uri: string;

  constructor(uri: string, why: string) {
    super(`libvirt URI ${JSON.stringify(uri.slice(0, 200))}: ${why}`);
    this.uri = uri;
  }
}
