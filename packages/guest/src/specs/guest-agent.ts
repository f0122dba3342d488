/** hw_qemu_guest_agent to the agent's channel. */
import { type Channel, channel, GUEST_AGENT_CHANNEL } from '../elements/channel.ts';
import { builtin } from '../origin.ts';
import type { Wanted } from '../wanted.ts';
import { because, booleanOf } from './settings.ts';

export function guestAgentFrom({ settings, identity }: Wanted): Channel[] {
  const image = booleanOf(settings, 'image', 'hw_qemu_guest_agent');
  if (!(image?.value ?? settings.profile.guestAgent)) return [];
  return [
    channel({
      name: GUEST_AGENT_CHANNEL,
      socket: identity.agentSocket,
      origin: image
        ? because(image, 'the image says that it has a guest agent').origin
        : builtin(
            'hw_qemu_guest_agent',
            'an unused channel costs nothing; a guest that has an agent can use it',
          ),
    }),
  ];
}
