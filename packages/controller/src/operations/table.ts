import type { OperationKind } from '@gantry/model';
import type { Logic } from './advance.ts';
import { onceOr } from './boot-once.ts';
import { cdDevice } from './cd-devices.ts';
import { clusterBalance } from './cluster-balance.ts';
import { diskAttach } from './disk-attach.ts';
import { diskDetach } from './disk-detach.ts';
import { diskGrow } from './disk-grow.ts';
import { diskSet } from './disk-set.ts';
import { instanceClone } from './instance-clone.ts';
import { instanceCreate } from './instance-create.ts';
import { instanceDelete } from './instance-delete.ts';
import { instanceExchange } from './instance-exchange.ts';
import { instanceImport } from './instance-import.ts';
import { instanceMove } from './instance-move.ts';
import { instanceReboot } from './instance-reboot.ts';
import { instanceRelease } from './instance-release.ts';
import { instanceResize } from './instance-resize.ts';
import { instanceSet } from './instance-set.ts';
import { instanceStart } from './instance-start.ts';
import { instanceStop } from './instance-stop.ts';
import { instanceSuspend } from './instance-suspend.ts';
import { nicAttach, nicDetach, nicSet } from './nic-devices.ts';
import { nodeEvacuate } from './node-evacuate.ts';

/** How each kind of operation goes on. */
export const logics: Readonly<Record<OperationKind, Logic>> = {
  'instance.create': instanceCreate,
  'instance.delete': instanceDelete,
  'instance.start': onceOr(instanceStart),
  'instance.stop': instanceStop,
  'instance.reboot': onceOr(instanceReboot),
  'instance.reset': instanceReboot,
  'instance.pause': instanceReboot,
  'instance.resume': instanceReboot,
  'instance.suspend': instanceSuspend,
  'instance.reinstall': instanceExchange,
  'instance.rescue': instanceExchange,
  'instance.unrescue': instanceExchange,
  'instance.clone': instanceClone,
  'instance.nmi': instanceReboot,
  'instance.send-key': instanceReboot,
  'disk.attach': diskAttach,
  'disk.detach': diskDetach,
  'disk.set': diskSet,
  'disk.grow': diskGrow,
  'instance.move': instanceMove,
  'nic.attach': nicAttach,
  'nic.detach': nicDetach,
  'nic.set': nicSet,
  'cd.attach': cdDevice,
  'cd.detach': cdDevice,
  'cd.insert': cdDevice,
  'cd.eject': cdDevice,
  'instance.set': instanceSet,
  'instance.resize': instanceResize,
  'instance.import': instanceImport,
  'instance.release': instanceRelease,
  'node.evacuate': nodeEvacuate,
  'cluster.balance': clusterBalance,
};
