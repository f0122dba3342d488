/** The daemons as systemd units. */
import { existsSync, rmSync } from 'node:fs';
import type { Daemon } from '../hand-over.ts';
import { USER } from './account.ts';
import type { Programs } from './daemons.ts';
import { agentArguments, environments, serverArguments } from './daemons.ts';
import { writeDurably } from './files.ts';
import type { AgentSettings, Layout, NodeSettings, Settings } from './layout.ts';
import { run, succeeds } from './programs.ts';

/** https://www.freedesktop.org/software/systemd/man/sd_booted.html */
export const isBooted = (): boolean => existsSync('/run/systemd/system');

export const unitName = (daemon: Daemon): string =>
  daemon === 'server' ? 'gantry-controller' : 'gantry-agent';
const unitPath = (daemon: Daemon): string => `/etc/systemd/system/${unitName(daemon)}.service`;

/** Words of ExecStart: systemd expands % and $, and splits at blanks. */
export const quoteWord = (word: string): string =>
  /^[A-Za-z0-9_./:@=,+-]+$/.test(word)
    ? word
    : `"${word.replace(/[\\"]/g, '\\$&').replace(/%/g, '%%').replace(/\$/g, '$$$$')}"`;
const execStart = (words: readonly string[]): string => words.map(quoteWord).join(' ');

/** The controller: it needs its store, its socket, loopback, and nothing else of the machine. */
export const controllerUnit = (
  layout: Layout,
  settings: Settings,
  { node, server }: Programs,
): string => `[Unit]
Description=Gantry controller
After=network.target
StartLimitIntervalSec=0

[Service]
ExecStart=${execStart([node, server, ...serverArguments(layout, settings)])}
User=${USER}
Group=${USER}
UMask=0027
Restart=on-failure
RestartSec=1
LimitNOFILE=65536
NoNewPrivileges=yes
CapabilityBoundingSet=
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
ReadWritePaths=${quoteWord(layout.controller)} ${quoteWord(layout.run)}

[Install]
WantedBy=multi-user.target
`;

/** The agent acts on the whole machine; ending it must not end what it started for guests (DHCP). */
export const agentUnit = (
  layout: Layout,
  settings: AgentSettings & { controller?: string },
  { node, agent }: Pick<Programs, 'node' | 'agent'>,
): string => `[Unit]
Description=Gantry agent
After=network.target libvirtd.service virtqemud.service gantry-controller.service
Wants=network-online.target${settings.controller ? '' : ' gantry-controller.service'}
StartLimitIntervalSec=0

[Service]
ExecStart=${execStart([node, agent, ...agentArguments(layout, settings)])}
${Object.entries(environments.agent)
  .map(([name, value]) => `Environment=${name}=${value}`)
  .join('\n')}
KillMode=process
Restart=on-failure
RestartSec=1
LimitNOFILE=65536
OOMScoreAdjust=-500
LockPersonality=yes
RestrictRealtime=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;

/** The agent alone, of a machine that joined another's cluster. */
export async function installAgentUnit(
  layout: Layout,
  settings: NodeSettings,
  programs: Pick<Programs, 'node' | 'agent'>,
): Promise<void> {
  writeDurably(unitPath('agent'), agentUnit(layout, settings, programs), 0o644);
  await run('systemctl', ['daemon-reload'], remedy);
  await run('systemctl', ['enable', '--now', unitName('agent')], remedy);
}

const remedy = 'See systemctl status and journalctl -u for the unit.';

/** Writes, enables and starts both. Repeating it changes nothing. */
export async function installUnits(layout: Layout, settings: Settings, programs: Programs): Promise<void> {
  writeDurably(unitPath('server'), controllerUnit(layout, settings, programs), 0o644);
  writeDurably(unitPath('agent'), agentUnit(layout, settings, programs), 0o644);
  await run('systemctl', ['daemon-reload'], remedy);
  await run('systemctl', ['enable', '--now', unitName('server'), unitName('agent')], remedy);
}

/** With its unit as it shall be now. */
export async function restartController(
  layout: Layout,
  settings: Settings,
  programs: Programs,
): Promise<void> {
  writeDurably(unitPath('server'), controllerUnit(layout, settings, programs), 0o644);
  await run('systemctl', ['daemon-reload'], remedy);
  await run('systemctl', ['restart', unitName('server')], remedy);
}

export async function setUnits(verb: 'start' | 'stop', only?: readonly Daemon[]): Promise<void> {
  const order = only ?? (verb === 'start' ? (['server', 'agent'] as const) : (['agent', 'server'] as const));
  await run('systemctl', [verb, ...order.map(unitName)], remedy);
}

export const isActive = async (daemon: Daemon): Promise<boolean> =>
  (await succeeds('systemctl', ['is-active', unitName(daemon)])) !== undefined;

/** They are stopped, too. May be repeated. */
export async function removeUnits(daemons: readonly Daemon[] = ['agent', 'server']): Promise<void> {
  const there = daemons.filter((daemon) => existsSync(unitPath(daemon)));
  if (there.length > 0) await run('systemctl', ['disable', '--now', ...there.map(unitName)], remedy);
  for (const daemon of there) rmSync(unitPath(daemon), { force: true });
  await run('systemctl', ['daemon-reload'], remedy);
}
