import { flag, nullable, opaque, string, struct } from '../layouts.ts';
import { domainRef } from '../objects.ts';
import { typedParams } from '../typed-params.ts';
import { flags, proc } from './procedure.ts';

const cookie = opaque(4_194_304);
const params = typedParams(64);

/**
 * Migration. With PEER2PEER in its flags `domainMigratePerform3Params` is all it takes: the source's libvirtd talks to
 * the target's. Without, the client carries the cookies: begin and perform on the source, prepare and finish on the
 * target, confirm on the source. Numbers and layouts as in libvirt's remote protocol, release 9.0.0.
 */
export const migrationProcedures = {
  /** On the source: the domain's XML for the target. */
  domainMigrateBegin3Params: proc(
    302,
    { dom: domainRef, params, flags },
    struct({ cookieOut: cookie, xml: string }),
  ),
  /** On the target: makes ready to receive; gives where to send to. */
  domainMigratePrepare3Params: proc(
    303,
    { params, cookieIn: cookie, flags },
    struct({ cookieOut: cookie, uriOut: nullable(string) }),
  ),
  /** On the source: sends memory; with PEER2PEER does everything, `dconnuri` being the target's libvirtd. */
  domainMigratePerform3Params: proc(
    305,
    { dom: domainRef, dconnuri: nullable(string), params, cookieIn: cookie, flags },
    cookie,
  ),
  /** On the target: lets the guest run there, or clears up when `cancelled`. */
  domainMigrateFinish3Params: proc(
    306,
    { params, cookieIn: cookie, flags, cancelled: flag },
    struct({ dom: domainRef, cookieOut: cookie }),
  ),
  /** On the source: clears up there, or goes on when `cancelled`. */
  domainMigrateConfirm3Params: proc(307, {
    dom: domainRef,
    params,
    cookieIn: cookie,
    flags,
    cancelled: flag,
  }),
};
