/** Which kernel modules the initramfs loads, and in which order. */

/** What the address needs comes first. */
export const wantedModules = {
  first: ['virtio_pci', 'virtio_net'],
  second: ['virtio_blk', 'ext4', 'virtio-rng', 'virtio_console'],
} as const;

/**
 * Paths of the wanted modules and of all they depend on, each after what it needs. What is built into the kernel (and
 * so not in the list) is left out.
 * @param modulesDep content of modules.dep as depmod writes it: `path: dependency dependency...`, nearest first
 * @param loaded paths that are loaded already; those returned are added
 */
export function loadOrder(modulesDep: string, wanted: readonly string[], loaded: Set<string>): string[] {
  const dependencies = parse(modulesDep);
  const order: string[] = [];
  const visit = (path: string, above: readonly string[]) => {
    if (loaded.has(path) || above.includes(path)) return;
    for (const other of dependencies.get(path) ?? []) visit(other, [...above, path]);
    if (loaded.has(path)) return;
    loaded.add(path);
    order.push(path);
  };
  for (const name of wanted) {
    const path = [...dependencies.keys()].find((known) => moduleName(known) === canonical(name));
    if (path !== undefined) visit(path, []);
  }
  return order;
}

const parse = (text: string): Map<string, string[]> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const [path, rest] = line.split(':');
      return path && rest !== undefined ? [[path, rest.trim().split(/\s+/).filter(Boolean)]] : [];
    }),
  );

const canonical = (name: string): string => name.replaceAll('-', '_');
/** kernel/drivers/char/hw_random/virtio-rng.ko.xz -> virtio_rng */
const moduleName = (path: string): string => canonical(/([^/]+?)\.ko(\.\w+)?$/.exec(path)?.[1] ?? '');
