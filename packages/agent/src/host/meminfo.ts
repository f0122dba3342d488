/** /proc/meminfo in MiB: https://docs.kernel.org/filesystems/proc.html */
export function parseMeminfo(text: string): { totalMiB: number; availableMiB: number } {
  const of = (key: string): number => {
    const kiB = new RegExp(`^${key}: +(\\d+) kB$`, 'm').exec(text)?.[1];
    if (kiB === undefined) throw new Error(`/proc/meminfo has no ${key}`);
    return Math.floor(Number(kiB) / 1024);
  };
  return { totalMiB: of('MemTotal'), availableMiB: of('MemAvailable') };
}
