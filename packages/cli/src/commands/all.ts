/** Every command. */
import type { Verb } from '../verb.ts';
import { agent } from './agent.ts';
import { auditList } from './audit/list.ts';
import { clusterAccess } from './cluster/access.ts';
import { clusterBackup } from './cluster/backup.ts';
import { clusterBalance } from './cluster/balance.ts';
import { clusterDestroy } from './cluster/destroy.ts';
import { clusterInit } from './cluster/init.ts';
import { clusterListen } from './cluster/listen.ts';
import { clusterRecoverAdmin } from './cluster/recover-admin.ts';
import { clusterRestore } from './cluster/restore.ts';
import { clusterSet } from './cluster/set.ts';
import { clusterShow } from './cluster/show.ts';
import { clusterStart } from './cluster/start.ts';
import { clusterStop } from './cluster/stop.ts';
import { clusterVerify } from './cluster/verify.ts';
import { completionInstall } from './completion/install.ts';
import { completionBash, completionFish, completionZsh } from './completion/script.ts';
import { contextAdd } from './context/add.ts';
import { contextList } from './context/list.ts';
import { contextRemove } from './context/remove.ts';
import { contextShow } from './context/show.ts';
import { contextUse } from './context/use.ts';
import { diskCreate } from './disk/create.ts';
import { diskDelete } from './disk/delete.ts';
import { diskGrow } from './disk/grow.ts';
import { diskList, instanceDiskList } from './disk/list.ts';
import { diskShow } from './disk/show.ts';
import { eventList } from './event/list.ts';
import { explain } from './explain.ts';
import { flavorCreate } from './flavor/create.ts';
import { flavorDelete } from './flavor/delete.ts';
import { flavorList } from './flavor/list.ts';
import { flavorSet } from './flavor/set.ts';
import { flavorShow } from './flavor/show.ts';
import { groupCpuBaseline } from './group/cpu-baseline.ts';
import { groupCreate } from './group/create.ts';
import { groupDelete } from './group/delete.ts';
import { groupList } from './group/list.ts';
import { groupSet } from './group/set.ts';
import { groupShow } from './group/show.ts';
import { guestRender } from './guest/render.ts';
import { imageCreate } from './image/create.ts';
import { imageDelete } from './image/delete.ts';
import { imageImport } from './image/import.ts';
import { imageList } from './image/list.ts';
import { imageSet } from './image/set.ts';
import { imageShow } from './image/show.ts';
import { instanceAddSshKey } from './instance/add-ssh-key.ts';
import { instanceCdAttach, instanceCdDetach, instanceCdEject, instanceCdInsert } from './instance/cd.ts';
import { instanceClone } from './instance/clone.ts';
import { instanceConsole } from './instance/console.ts';
import { instanceCreate } from './instance/create.ts';
import { instanceDelete } from './instance/delete.ts';
import { instanceDiff } from './instance/diff.ts';
import { instanceDiskAttach, instanceDiskDetach, instanceDiskSet } from './instance/disk.ts';
import { instanceExec } from './instance/exec.ts';
import { instanceImport } from './instance/import.ts';
import { instanceList } from './instance/list.ts';
import { instanceLock, instanceUnlock } from './instance/lock.ts';
import { instanceLogs } from './instance/logs.ts';
import { instanceMove } from './instance/move.ts';
import { instanceNicAttach, instanceNicDetach, instanceNicSet } from './instance/nic.ts';
import { instanceNicShow } from './instance/nic-show.ts';
import { instanceNmi } from './instance/nmi.ts';
import { instancePause } from './instance/pause.ts';
import { instancePing } from './instance/ping.ts';
import { instanceReboot } from './instance/reboot.ts';
import { instanceReinstall } from './instance/reinstall.ts';
import { instanceRelease } from './instance/release.ts';
import { instanceRename } from './instance/rename.ts';
import { instanceRescue, instanceUnrescue } from './instance/rescue.ts';
import { instanceReset } from './instance/reset.ts';
import { instanceResize } from './instance/resize.ts';
import { instanceResume } from './instance/resume.ts';
import { instanceScreenshot } from './instance/screenshot.ts';
import { instanceSendKey } from './instance/send-key.ts';
import { instanceSet } from './instance/set.ts';
import { instanceSetPassword } from './instance/set-password.ts';
import { instanceShow } from './instance/show.ts';
import { instanceStart } from './instance/start.ts';
import { instanceStats } from './instance/stats.ts';
import { instanceStop } from './instance/stop.ts';
import { instanceSuspend } from './instance/suspend.ts';
import { top } from './instance/top.ts';
import { launch } from './launch.ts';
import { networkCreate } from './network/create.ts';
import { networkDelete } from './network/delete.ts';
import { networkList } from './network/list.ts';
import { networkSet } from './network/set.ts';
import { networkShow } from './network/show.ts';
import { nodeAdd } from './node/add.ts';
import { nodeCopyFile } from './node/copy-file.ts';
import { nodeDrain } from './node/drain.ts';
import { nodeEvacuate } from './node/evacuate.ts';
import { nodeExec } from './node/exec.ts';
import { nodeJoin } from './node/join.ts';
import { nodeLeave } from './node/leave.ts';
import { nodeLibvirtAuth } from './node/libvirt-auth.ts';
import { nodeList } from './node/list.ts';
import { nodeOffline } from './node/offline.ts';
import { nodeProbe } from './node/probe.ts';
import { nodeRemove } from './node/remove.ts';
import { nodeSet } from './node/set.ts';
import { nodeShow } from './node/show.ts';
import { nodeStart } from './node/start.ts';
import { nodeUndrain } from './node/undrain.ts';
import { opCancel } from './op/cancel.ts';
import { opList } from './op/list.ts';
import { opShow } from './op/show.ts';
import { opWatch } from './op/watch.ts';
import { placementAllocate } from './placement/allocate.ts';
import { placementBalance } from './placement/balance.ts';
import { placementCapacity } from './placement/capacity.ts';
import { placementShow } from './placement/show.ts';
import { projectCreate } from './project/create.ts';
import { projectDelete } from './project/delete.ts';
import { projectList } from './project/list.ts';
import { projectGrant, projectRevoke } from './project/members.ts';
import { projectSet } from './project/set.ts';
import { projectShow } from './project/show.ts';
import { server } from './server/server.ts';
import { serverStatus } from './server/status.ts';
import { tokenCreate } from './token/create.ts';
import { tokenDelete } from './token/delete.ts';
import { tokenList } from './token/list.ts';
import { tokenRevoke } from './token/revoke.ts';
import { userCreate } from './user/create.ts';
import { userDelete } from './user/delete.ts';
import { userDisable, userEnable } from './user/disable.ts';
import { userList } from './user/list.ts';
import { userSet } from './user/set.ts';
import { userShow } from './user/show.ts';
import { whoami } from './whoami.ts';

/** In the order of the help text. */
export const verbs: readonly Verb[] = [
  launch,
  instanceCreate,
  instanceList,
  instanceShow,
  instanceSet,
  instanceResize,
  instanceRename,
  instanceLock,
  instanceUnlock,
  instanceStart,
  instanceStop,
  instanceSuspend,
  instanceClone,
  instanceReinstall,
  instanceRescue,
  instanceUnrescue,
  instanceReboot,
  instanceReset,
  instancePause,
  instanceResume,
  instanceNmi,
  instanceSendKey,
  instanceDelete,
  instanceConsole,
  instanceExec,
  instanceLogs,
  instanceMove,
  instanceImport,
  instanceRelease,
  instanceScreenshot,
  instanceDiff,
  instanceStats,
  top,
  instanceDiskAttach,
  instanceDiskDetach,
  instanceDiskList,
  instanceDiskSet,
  instanceNicShow,
  instanceNicAttach,
  instanceNicDetach,
  instanceNicSet,
  instanceCdAttach,
  instanceCdDetach,
  instanceCdInsert,
  instanceCdEject,
  instancePing,
  instanceSetPassword,
  instanceAddSshKey,
  diskList,
  diskShow,
  diskCreate,
  diskGrow,
  diskDelete,
  imageList,
  imageShow,
  imageImport,
  imageCreate,
  imageSet,
  imageDelete,
  flavorList,
  flavorShow,
  flavorCreate,
  flavorSet,
  flavorDelete,
  guestRender,
  networkList,
  networkShow,
  networkCreate,
  networkSet,
  networkDelete,
  nodeList,
  nodeShow,
  nodeSet,
  nodeAdd,
  nodeJoin,
  nodeStart,
  nodeLeave,
  nodeDrain,
  nodeEvacuate,
  nodeUndrain,
  nodeOffline,
  nodeRemove,
  nodeProbe,
  nodeExec,
  nodeCopyFile,
  nodeLibvirtAuth,
  groupList,
  groupShow,
  groupCpuBaseline,
  groupCreate,
  groupSet,
  groupDelete,
  opList,
  opShow,
  opWatch,
  opCancel,
  placementShow,
  placementAllocate,
  placementBalance,
  placementCapacity,
  eventList,
  auditList,
  projectList,
  projectShow,
  projectCreate,
  projectSet,
  projectGrant,
  projectRevoke,
  projectDelete,
  userList,
  userShow,
  userCreate,
  userSet,
  userDisable,
  userEnable,
  userDelete,
  whoami,
  tokenList,
  tokenCreate,
  tokenRevoke,
  tokenDelete,
  explain,
  clusterInit,
  clusterShow,
  clusterVerify,
  clusterBalance,
  clusterBackup,
  clusterRestore,
  clusterSet,
  clusterAccess,
  clusterListen,
  clusterStart,
  clusterStop,
  clusterDestroy,
  clusterRecoverAdmin,
  contextList,
  contextShow,
  contextAdd,
  contextUse,
  contextRemove,
  server,
  serverStatus,
  agent,
  completionInstall,
  completionBash,
  completionZsh,
  completionFish,
];
