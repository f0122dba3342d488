import { describe, expect, test } from 'vitest';
import { virErrorNumber } from './enums/error.ts';
import * as errors from './errors.ts';

const error = (code: number, domain = 10, level = 2): errors.LibvirtError =>
  new errors.LibvirtError({ code, domain, level, message: 'said', call: 'domainSuspend' });

describe('LibvirtError', () => {
  test('names code, origin and level', () => {
    const { name, codeName, domainName, level, call, message } = error(virErrorNumber.VIR_ERR_NO_DOMAIN);
    expect({ name, codeName, domainName, level, call, message }).toEqual({
      name: 'LibvirtError',
      codeName: 'VIR_ERR_NO_DOMAIN',
      domainName: 'VIR_FROM_QEMU',
      level: 'error',
      call: 'domainSuspend',
      message: 'said',
    });
  });

  test('codes newer than this library keep their number', () => {
    expect(error(9_999, 8_888, 7)).toMatchObject({
      codeName: 'VIR_ERR_9999',
      domainName: 'VIR_FROM_8888',
      level: 'error',
    });
  });

  test.each([
    [errors.isNotFound, 'VIR_ERR_NO_STORAGE_VOL'],
    [errors.isBusy, 'VIR_ERR_OPERATION_TIMEOUT'],
    [errors.isInvalidState, 'VIR_ERR_OPERATION_INVALID'],
    [errors.isAlreadyExists, 'VIR_ERR_DOM_EXIST'],
    [errors.isUnsupported, 'VIR_ERR_CONFIG_UNSUPPORTED'],
    [errors.isDenied, 'VIR_ERR_ACCESS_DENIED'],
    [errors.isInvalidInput, 'VIR_ERR_XML_ERROR'],
    [errors.isAgentUnresponsive, 'VIR_ERR_AGENT_UNRESPONSIVE'],
  ] as const)('%o knows its own and nothing else', (predicate, code) => {
    expect(predicate(error(virErrorNumber[code]))).toBe(true);
    expect(predicate(error(virErrorNumber.VIR_ERR_INTERNAL_ERROR))).toBe(false);
    expect(predicate(new errors.TransportError('CLOSED', 'x'))).toBe(false);
    expect(predicate(undefined)).toBe(false);
  });

  test('a call that an older server does not know is unsupported; other troubles of the protocol are not', () => {
    const rpc = (message: string) =>
      new errors.LibvirtError({ code: virErrorNumber.VIR_ERR_RPC, domain: 7, level: 2, message, call: 'x' });
    expect(errors.isUnsupported(rpc('unknown procedure: 451'))).toBe(true);
    expect(errors.isUnsupported(rpc('Unable to decode message payload'))).toBe(false);
  });
});
