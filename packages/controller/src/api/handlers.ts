/** Which function answers which route. */

import { type RouteName, version } from '@gantry/model';
import { importInstance } from './adoption.ts';
import { getInstanceAffinity } from './affinity.ts';
import * as agent from './agent.ts';
import { balanceCluster } from './balance.ts';
import type { Handler } from './call.ts';
import * as cds from './cds.ts';
import * as cluster from './cluster.ts';
import * as commands from './commands.ts';
import { narrowCpuBaseline } from './cpu-baseline.ts';
import * as disks from './disks.ts';
import { evacuateNode, planDrain } from './drain.ts';
import * as events from './events.ts';
import * as flavors from './flavors.ts';
import * as groups from './groups.ts';
import * as images from './images.ts';
import * as inside from './inside.ts';
import { cloneInstance } from './instance-clone.ts';
import * as instanceDiff from './instance-diff.ts';
import { execInInstance } from './instance-exec.ts';
import * as instanceLock from './instance-lock.ts';
import { moveInstance } from './instance-move.ts';
import * as instanceRename from './instance-rename.ts';
import { confirmInstanceResize } from './instance-resize.ts';
import * as instanceSet from './instance-set.ts';
import * as instances from './instances.ts';
import * as joining from './joining.ts';
import * as networks from './networks.ts';
import * as nics from './nics.ts';
import { probeNode } from './node-probe.ts';
import * as operations from './operations.ts';
import * as projects from './projects.ts';
import * as stats from './stats.ts';
import * as tokens from './tokens.ts';
import * as users from './users.ts';
import { verifyCluster } from './verify.ts';

const health: Handler<'health'> = async () => ({ body: { ok: true, version } });

const listTasks: Handler<'listTasks'> = async ({ app }) => ({ body: { items: app.tasks() } });

export const handlers = {
  health,
  listTasks,
  ...agent,
  ...cds,
  ...cluster,
  ...commands,
  ...disks,
  ...events,
  ...flavors,
  ...groups,
  ...images,
  ...inside,
  execInInstance,
  verifyCluster,
  balanceCluster,
  ...instances,
  importInstance,
  getInstanceAffinity,
  evacuateNode,
  probeNode,
  planDrain,
  narrowCpuBaseline,
  cloneInstance,
  ...instanceDiff,
  ...instanceLock,
  moveInstance,
  ...instanceRename,
  ...instanceSet,
  confirmInstanceResize,
  ...joining,
  ...networks,
  ...nics,
  ...operations,
  ...projects,
  ...stats,
  ...tokens,
  listUsers: users.listUsers,
  getUser: users.getUser,
  createUser: users.createUser,
  setUser: users.setUser,
  deleteUser: users.deleteUser,
} satisfies { [N in RouteName]: Handler<N> };
