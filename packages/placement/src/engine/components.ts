/** The parts of Ganeti's cluster score with their weights. Source: Ganeti's `HTools/Cluster/MetricsComponents.hs`. */
export const weights = {
  free_mem_cv: 0.5,
  free_disk_cv: 0.5,
  n1_cnt: 1,
  reserved_mem_cv: 1,
  offline_all_cnt: 4,
  offline_pri_cnt: 16,
  vcpu_ratio_cv: 0.5,
  cpu_load_cv: 1,
  mem_load_cv: 1,
  disk_load_cv: 1,
  net_load_cv: 1,
  pri_tags_score: 2,
  spindles_cv: 0.5,
  free_mem_cv_forth: 0.5,
  free_disk_cv_forth: 0.5,
  vcpu_ratio_cv_forth: 0.5,
  spindles_cv_forth: 0.5,
  location_score: 1,
  location_exclusion_score: 1,
  reserved_mem_rtotal: 0.25,
} as const;
export type ComponentName = keyof typeof weights;
export const componentNames = Object.keys(weights) as ComponentName[];

/** One cluster's or group's score. Lower is better. */
export interface Score {
  total: number;
  /** Not yet weighted. */
  components: Record<ComponentName, number>;
  /** Of rules that Ganeti does not know, weighted; absent: 0. */
  own?: number;
}

export const totalOf = (components: Record<ComponentName, number>): number =>
  componentNames.reduce((sum, name) => sum + weights[name] * components[name], 0);
