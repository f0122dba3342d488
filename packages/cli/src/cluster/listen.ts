/** Where the controller answers besides its socket, changed on a cluster that runs. */
import { ensureAccount } from './account.ts';
import { listensFar, programsFor } from './daemons.ts';
import { type Layout, type Settings, writeSettings } from './layout.ts';
import { stopDetached } from './process.ts';
import { ensureRelease } from './release.ts';
import { startDaemons } from './start.ts';
import { restartController } from './systemd.ts';

/** The controller is restarted; guests and agents go on. */
export async function setListen(
  layout: Layout,
  before: Settings,
  { listen, advertise }: Pick<Settings, 'listen' | 'advertise'>,
): Promise<Settings> {
  const { listen: _listen, advertise: _advertise, ...rest } = before;
  const settings: Settings = {
    ...rest,
    ...(listen ? { listen } : {}),
    ...(listen && advertise ? { advertise } : {}),
  };
  if (listensFar(settings)) await ensureRelease(layout);
  writeSettings(layout, settings);
  if (settings.mode === 'systemd') {
    const owner = await ensureAccount(layout.state);
    await restartController(layout, settings, programsFor(owner, layout));
  } else await stopDetached(layout, 'server');
  await startDaemons(layout, settings);
  return settings;
}
