/** The cluster's own certificate authority: the port behind which OpenSSL, or a test's double, makes certificates. */
export type CertificateUse = 'agent' | 'host' | 'controller';

/** What a certificate says; nothing of a signing request but its public key gets into one. */
export interface CertificateProfile {
  use: CertificateUse;
  /** Common name: the id of a node for `agent`, else a host name. */
  name: string;
  dnsNames?: readonly string[];
  addresses?: readonly string[];
  days: number;
  /** Id of the node that it is for: with the node it is revoked. */
  node?: string;
}

export interface Issued {
  /** PEM. */
  certificate: string;
  /** SHA-256 of it (DER): how one that a node shows is found again. */
  fingerprint: Uint8Array;
}

export interface CertificateAuthority {
  /** Its own certificate, PEM. */
  readonly certificate: string;
  /**
   * The public key (PEM) of a signing request, which was signed with the private one.
   * @throws GantryError `invalid_argument`
   */
  publicKey(request: string): Promise<string>;
  issue(publicKey: string, profile: CertificateProfile): Promise<Issued>;
  /** List of the revoked certificates, PEM: those that have not ended yet, of nodes that are not among these. */
  revocations(nodes: ReadonlySet<string>): Promise<string>;
}
