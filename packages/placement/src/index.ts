/** Where a guest can go, and why; and the same for clusters in Ganeti’s text format, without a cluster. Pure. */
export {
  type AffinityAnswer,
  affinityOn,
  exclusionRepeats,
  exclusionsOf,
  exclusionsOn,
  MISSED,
  type Peer,
  type Standing,
  standings,
} from './affinity.ts';
export type { Reason, Refused } from './allocate/explain.ts';
export { type Placed, planAllocation } from './allocate/plan-allocation.ts';
export type { BalanceOptions } from './balance/balance.ts';
export { type BalanceReport, type PlannedMove, planBalance } from './balance/plan-balance.ts';
export { type CapacityOptions, type CapacityReport, planCapacity } from './capacity/plan-capacity.ts';
export type { ScoreReport } from './engine/score-report.ts';
export {
  freeDiskMiB,
  freeMemoryMiB,
  freeVcpus,
  type Judge,
  rejectionsOf,
  type TestName,
} from './feasible.ts';
export { type ClusterData, diskTemplates, type InstanceSpec, needsSecondary } from './ganeti/cluster-data.ts';
export { parseCluster } from './ganeti/parse.ts';
export {
  type AllocationRequest,
  type IallocatorRequest,
  type MoveRequest,
  parseRequest,
} from './ganeti/request.ts';
export { writeCluster } from './ganeti/write.ts';
export { clusterDataOf } from './live/live-cluster.ts';
export type { LiveCluster, LiveGuest } from './live/live-guest.ts';
export { type Lack, makeRoom, type RoomMove } from './live/make-room.ts';
export {
  gainOf,
  type LiveMove,
  type LivePlan,
  planLiveBalance,
} from './live/plan-live-balance.ts';
export { place } from './place.ts';
export { defaultPolicy, type PlacementPolicy } from './policy.ts';
export { type AskedSize, refusal, whyNoNode } from './refusal.ts';
export { planRelocation, type Relocated } from './relocate/plan-relocation.ts';
export { ClusterScore, isOnline, type Wishes } from './score.ts';
