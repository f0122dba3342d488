/** What an instance may be told to boot, checked against what it has. */
import { bootDevicesOf } from '@gantry/guest';
import { type BootOrder, err, type GuestInput, type InstanceSpec } from '@gantry/model';

type Has = Pick<GuestInput, 'disks' | 'nics' | 'cds'>;

/** @throws GantryError `invalid_argument` for a device that it has not, or beside a kernel of the node’s */
export function requireBootable(
  name: string,
  { boot, bootOrder }: Pick<InstanceSpec, 'boot' | 'bootOrder'>,
  has: Has,
): void {
  if (!bootOrder) return;
  if (boot.kernel !== 'disk')
    throw err('invalid_argument', {
      what: `a boot order beside kernel ${boot.kernel}`,
      wanted: 'possible: the node boots that kernel; set --kernel disk, or the order to default',
    });
  requireDevices(name, bootOrder, has);
}

/** Kinds may have nothing yet; one that is named must be there. @throws GantryError `invalid_argument` */
function requireDevices(name: string, order: BootOrder, has: Has): void {
  const missing = order.find((word) => /\d$/.test(word) && bootDevicesOf(word, has).length === 0);
  if (missing !== undefined)
    throw err('invalid_argument', {
      what: `boot device ${missing} of ${name}`,
      wanted: `there: it has ${present(has)}`,
    });
}

const present = (has: Has): string =>
  ['disk', 'cd', 'network']
    .flatMap((word) => bootDevicesOf(word, has))
    .map(([kind, place]) => `${kind}${place}`)
    .join(', ') || 'nothing to boot from';

/** For one start: something must be there, and a drive must hold something. @throws GantryError `invalid_argument` */
export function requireBootableOnce(name: string, order: BootOrder, has: Has): void {
  requireDevices(name, order, has);
  const devices = order.flatMap((word) => bootDevicesOf(word, has));
  const usable = devices.filter(
    ([kind, place]) => kind !== 'cd' || has.cds?.some(({ slot, media }) => slot === place && media),
  );
  if (usable.length > 0) return;
  const empty = devices.length > 0;
  throw err('invalid_argument', {
    what: `booting ${name} from ${order.join(', ')}`,
    wanted: empty
      ? `possible: its CD drive is empty; \`gantry instance cd insert ${name} IMAGE\``
      : `possible: it has ${present(has)}`,
  });
}
