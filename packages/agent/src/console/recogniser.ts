/**
 * What a guest’s console says about its boot. Pure: lines in, findings out. The lines are the guest’s own words, so they
 * decide nothing but what people are told.
 */

export type Trouble = 'entropy' | 'panic' | 'emergency' | 'no-boot-disk';

export interface Finding {
  trouble: Trouble;
  /** One CamelCase word. */
  reason: string;
  /** What was seen. */
  detail: string;
}

/** What is known of the boot so far. */
export interface BootView {
  /** The kernel prints notices: then it would also print that its random numbers are ready. */
  readonly talks: boolean;
  /** "crng init done" came so many seconds after the kernel’s start. */
  readonly crngAtS?: number;
  /** A login prompt, or what comes with it. */
  readonly up: boolean;
  readonly found: Readonly<Partial<Record<Trouble, Finding>>>;
}

export const freshBoot: BootView = { talks: false, up: false, found: {} };

/** Random numbers are there within a second or two, under emulation within ten; nothing waits a minute for good reason. */
export const LATE_S = 60;
/** A console that is silent so long, in the middle of a boot, is waiting for something. */
export const SILENT_MS = 30_000;

const STAMP = /^(?:<\d>)?\[\s*(\d{1,9})\.\d{1,9}\]\s*/;

/** The machine begins anew: whatever was found belongs to the boot before. */
const BEGINS = [/^Linux version \d/, /^SeaBIOS \(version /, /^UEFI firmware \(version /];

/** Printed at the kernel’s level `notice` or `info`, of which "crng init done" is one. */
const NOTICE = [/^Linux version \d/, /^Command line: /, /^audit: /, /^random: /, /^ACPI: /, /^PCI: /];

const UP = [
  /\bttyS\d+$/,
  /\blogin:/,
  /^Startup finished in /,
  /Reached target .*(Multi-User|Graphical Interface)/,
  /^Cloud-init .* finished at /,
];

/** First that fits. Texts of Linux, systemd, dracut, initramfs-tools, SeaBIOS, iPXE, OVMF, GRUB and boot sectors. */
const TABLE: readonly { trouble: Exclude<Trouble, 'entropy'>; reason: string; pattern: RegExp }[] = [
  { trouble: 'panic', reason: 'KernelPanic', pattern: /Kernel panic - not syncing(?:: .*)?/ },
  { trouble: 'panic', reason: 'KernelPanic', pattern: /^panic: .+/ },
  {
    trouble: 'emergency',
    reason: 'EmergencyMode',
    pattern: /(?:You are in|Entering|Welcome to) emergency mode.*/,
  },
  { trouble: 'emergency', reason: 'EmergencyMode', pattern: /Reached target .*Emergency Mode.*/ },
  { trouble: 'emergency', reason: 'RescueMode', pattern: /(?:You are in|Entering|Welcome to) rescue mode.*/ },
  {
    trouble: 'emergency',
    reason: 'InitramfsShell',
    pattern: /ALERT! .* does not exist.*|^\(initramfs\).*|^gantry: .*/,
  },
  { trouble: 'no-boot-disk', reason: 'NoBootableDisk', pattern: /No bootable (?:device|option|medium).*/i },
  { trouble: 'no-boot-disk', reason: 'NoBootableDisk', pattern: /^No more network devices.*/ },
  {
    trouble: 'no-boot-disk',
    reason: 'NoBootableDisk',
    pattern: /^(?:Missing operating system|Operating system not found|Non-system disk or disk error).*/i,
  },
  { trouble: 'no-boot-disk', reason: 'BootLoaderStuck', pattern: /^grub rescue>.*/ },
];

/** Terminal control sequences, and what else is no text. */
const plain = (line: string): string =>
  line
    .replace(/\u001b(?:\[[0-9;?]{0,32}[ -/]{0,8}[@-~]|[@-Z\\-_])/g, '')
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
    .trim();

const LONGEST_DETAIL = 160;

/** The view after one more line. */
export function take(view: BootView, raw: string): BootView {
  const line = plain(raw);
  const stamp = STAMP.exec(line);
  const text = stamp ? line.slice(stamp[0].length) : line;
  if (BEGINS.some((pattern) => pattern.test(text)))
    return { ...freshBoot, talks: NOTICE.some((pattern) => pattern.test(text)) };
  const hit = TABLE.map((row) => ({ ...row, seen: row.pattern.exec(text)?.[0] })).find(
    ({ seen }) => seen !== undefined,
  );
  const ready = /^random: crng init done/.test(text) && stamp ? Number(stamp[1]) : undefined;
  return {
    talks: view.talks || (stamp !== null && NOTICE.some((pattern) => pattern.test(text))),
    up: view.up || UP.some((pattern) => pattern.test(text)),
    ...(ready === undefined && view.crngAtS === undefined ? {} : { crngAtS: view.crngAtS ?? ready ?? 0 }),
    found: hit?.seen === undefined ? view.found : withFinding(view.found, hit, hit.seen),
  };
}

/** The first of its kind says most: a panic is told once, with its cause. */
function withFinding(
  found: BootView['found'],
  { trouble, reason }: { trouble: Trouble; reason: string },
  seen: string,
): BootView['found'] {
  if (found[trouble]) return found;
  return { ...found, [trouble]: { trouble, reason, detail: seen.slice(0, LONGEST_DETAIL) } };
}

/** @param silentMs for how long the console has said nothing */
export function judge(view: BootView, silentMs: number): Finding[] {
  const entropy = entropyOf(view, silentMs);
  return [...(entropy ? [entropy] : []), ...Object.values(view.found)];
}

function entropyOf({ crngAtS, talks, up, found }: BootView, silentMs: number): Finding | undefined {
  if (crngAtS !== undefined)
    return crngAtS < LATE_S
      ? undefined
      : {
          trouble: 'entropy',
          reason: 'EntropyLate',
          detail: `its kernel had random numbers only ${crngAtS} s after its start (“random: crng init done”)`,
        };
  if (!talks || up || silentMs < SILENT_MS || Object.keys(found).length > 0) return undefined;
  return {
    trouble: 'entropy',
    reason: 'EntropyMissing',
    detail: `its boot has stood still for more than ${SILENT_MS / 1000} s and its kernel has not said “random: crng init done”`,
  };
}
