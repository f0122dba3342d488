/** Who asks for what. */
export interface CredentialRequest {
  /** Always `libvirt`: the name under which auth.conf keeps the account. */
  readonly service: 'libvirt';
  /** The server, `localhost` for a unix socket. */
  readonly host: string;
  /** The SASL mechanism that will use them. */
  readonly mechanism: string;
}

/** An account, as made with `saslpasswd2 -a libvirt NAME`. */
export interface Credentials {
  readonly authname: string;
  readonly password: string;
}

/** Asks for an account; undefined when there is none. */
export type CredentialSource = (
  request: CredentialRequest,
) => Credentials | undefined | Promise<Credentials | undefined>;
