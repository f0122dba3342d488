import { virErrorDomain, virErrorLevel, virErrorNumber } from './enums/error.ts';

function namesOf(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(values).map(([name, value]) => [value, name]));
}

const CODE_NAMES = namesOf(virErrorNumber);
const DOMAIN_NAMES = namesOf(virErrorDomain);
const LEVEL_NAMES = new Map([
  [virErrorLevel.VIR_ERR_NONE, 'none'],
  [virErrorLevel.VIR_ERR_WARNING, 'warning'],
  [virErrorLevel.VIR_ERR_ERROR, 'error'],
] as const);

/** Severity as libvirt names it. */
export type LibvirtErrorLevel = 'none' | 'warning' | 'error';

/** The fields of an error packet that mean something. */
export interface LibvirtErrorFields {
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  readonly message: string;
  /** The call that was refused. */
  readonly call: string;
  /** The server's extra strings, mostly details already in the message. */
  readonly details?: readonly string[];
}

/** libvirt's answer to a call it refused. The message is the server's own. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  /** `virErrorNumber`, `VIR_ERR_NO_DOMAIN` = 42 for instance. */
  readonly code: number;
  /** The code's name, `VIR_ERR_NO_DOMAIN`; `VIR_ERR_<n>` for a code newer than this library. */
  readonly codeName: string;
  /** `virErrorDomain`: the part of libvirt that refused. */
  readonly domain: number;
  readonly domainName: string;
  readonly level: LibvirtErrorLevel;
  readonly call: string;
  readonly details: readonly string[];

  constructor(fields: LibvirtErrorFields) {
    super(fields.message);
    this.code = fields.code;
    this.codeName = CODE_NAMES.get(fields.code) ?? `VIR_ERR_${fields.code}`;
    this.domain = fields.domain;
    this.domainName = DOMAIN_NAMES.get(fields.domain) ?? `VIR_FROM_${fields.domain}`;
    this.level = LEVEL_NAMES.get(fields.level as 0 | 1 | 2) ?? 'error';
    this.call = fields.call;
    this.details = fields.details ?? [];
  }
}

/**
 * What went wrong between here and the server.
 * - `CONNECT`: no connection came about
 * - `AUTH`: the server wants an authentication that is not available here
 * - `CLOSED`: this side closed the connection
 * - `PEER_CLOSED`: the server, or what is between, closed it
 * - `PROTOCOL`: the server sent what no libvirt server sends
 * - `KEEP_ALIVE`: the server stopped answering
 * - `TIMEOUT`: the call's own deadline passed
 * - `ABORTED`: the caller's signal fired
 * - `OVERLOAD`: too many calls or bytes are waiting already
 * - `UNSUPPORTED`: an answer that cannot be taken here, file descriptors for instance
 */
export type TransportErrorCode =
  | 'CONNECT'
  | 'AUTH'
  | 'CLOSED'
  | 'PEER_CLOSED'
  | 'PROTOCOL'
  | 'KEEP_ALIVE'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'OVERLOAD'
  | 'UNSUPPORTED';

/** Whether a failed call may have had an effect: `unknown` once it was sent. */
export type Outcome = 'not-sent' | 'unknown';

/** A call that got no answer, or a connection that is no more. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly code: TransportErrorCode;
  readonly call: string | undefined;
  readonly outcome: Outcome;

  constructor(
    code: TransportErrorCode,
    message: string,
    about: { call?: string; outcome?: Outcome; cause?: unknown } = {},
  ) {
    super(about.call === undefined ? message : `${about.call}: ${message}`, { cause: about.cause });
    this.code = code;
    this.call = about.call;
    this.outcome = about.outcome ?? 'not-sent';
  }
}

function hasCode(error: unknown, codes: readonly number[]): error is LibvirtError {
  return error instanceof LibvirtError && codes.includes(error.code);
}

const E = virErrorNumber;

const NOT_FOUND = [
  ...[E.VIR_ERR_NO_DOMAIN, E.VIR_ERR_NO_NETWORK, E.VIR_ERR_NO_STORAGE_POOL, E.VIR_ERR_NO_STORAGE_VOL],
  ...[E.VIR_ERR_NO_NODE_DEVICE, E.VIR_ERR_NO_INTERFACE, E.VIR_ERR_NO_SECRET, E.VIR_ERR_NO_NWFILTER],
  ...[E.VIR_ERR_NO_DOMAIN_SNAPSHOT, E.VIR_ERR_NO_DOMAIN_CHECKPOINT, E.VIR_ERR_NO_DOMAIN_METADATA],
  ...[E.VIR_ERR_NO_NETWORK_PORT, E.VIR_ERR_NO_NWFILTER_BINDING, E.VIR_ERR_NO_DOMAIN_BACKUP],
];

/** The domain, network, pool, volume, ... does not exist (any `VIR_ERR_NO_*` of an object). */
export const isNotFound = (error: unknown): error is LibvirtError => hasCode(error, NOT_FOUND);

/** The domain is running another job: try again later (`VIR_ERR_OPERATION_TIMEOUT`, `VIR_ERR_RESOURCE_BUSY`). */
export const isBusy = (error: unknown): error is LibvirtError =>
  hasCode(error, [E.VIR_ERR_OPERATION_TIMEOUT, E.VIR_ERR_RESOURCE_BUSY]);

/** The object's state forbids the call: starting what runs, stopping what does not. */
export const isInvalidState = (error: unknown): error is LibvirtError =>
  hasCode(error, [E.VIR_ERR_OPERATION_INVALID]);

/** Something of that name, UUID or place exists already. */
export const isAlreadyExists = (error: unknown): error is LibvirtError =>
  hasCode(error, [
    ...[E.VIR_ERR_DOM_EXIST, E.VIR_ERR_NETWORK_EXIST],
    ...[E.VIR_ERR_STORAGE_VOL_EXIST, E.VIR_ERR_NETWORK_PORT_EXIST],
  ]);

/** This server or driver cannot do it at all; one that is older than the call does not even know it. */
export const isUnsupported = (error: unknown): error is LibvirtError =>
  hasCode(error, [
    ...[E.VIR_ERR_NO_SUPPORT, E.VIR_ERR_OPERATION_UNSUPPORTED, E.VIR_ERR_CONFIG_UNSUPPORTED],
    ...[E.VIR_ERR_ARGUMENT_UNSUPPORTED],
  ]) ||
  (hasCode(error, [E.VIR_ERR_RPC]) && /^unknown procedure: \d+$/.test(error.message));

/** The server refuses this user. */
export const isDenied = (error: unknown): error is LibvirtError =>
  hasCode(error, [
    ...[E.VIR_ERR_AUTH_FAILED, E.VIR_ERR_AUTH_CANCELLED, E.VIR_ERR_AUTH_UNAVAILABLE],
    ...[E.VIR_ERR_ACCESS_DENIED, E.VIR_ERR_OPERATION_DENIED],
  ]);

/** The XML or an argument is wrong: trying again changes nothing. */
export const isInvalidInput = (error: unknown): error is LibvirtError =>
  hasCode(error, [
    ...[E.VIR_ERR_XML_ERROR, E.VIR_ERR_XML_DETAIL, E.VIR_ERR_XML_INVALID_SCHEMA, E.VIR_ERR_INVALID_ARG],
    ...[E.VIR_ERR_NO_NAME, E.VIR_ERR_NO_OS, E.VIR_ERR_NO_TARGET, E.VIR_ERR_NO_SOURCE, E.VIR_ERR_NO_ROOT],
  ]);

/** The guest agent is not there or does not answer. */
export const isAgentUnresponsive = (error: unknown): error is LibvirtError =>
  hasCode(error, [E.VIR_ERR_AGENT_UNRESPONSIVE, E.VIR_ERR_AGENT_UNSYNCED]);
