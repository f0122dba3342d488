/** Limits that placement keeps. Defaults are Ganeti's instance policy (`vcpu-ratio` 4.0). */
export interface PlacementPolicy {
  /** vCPUs of all guests of a node / its logical CPUs. */
  vcpuRatio: number;
  /** Kept for the host itself, MiB. */
  hostReserveMiB: number;
}

export const defaultPolicy: PlacementPolicy = { vcpuRatio: 4, hostReserveMiB: 512 };
