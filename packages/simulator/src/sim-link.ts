/** The agent's way to the controller over the simulated wire. */
import type { ControllerLink } from '@gantry/agent';
import type { Controller } from '@gantry/controller';
import { type Assignments, err, type ReportAnswer, type TunnelRequest } from '@gantry/model';
import type { Life } from './faults.ts';
import type { Scheduler } from './scheduler.ts';
import type { Wire } from './wire.ts';

export interface Listening {
  life: Life;
  controller: Controller;
}

export function simLink(parts: {
  time: Scheduler;
  wire: Wire;
  mine: Life;
  token: string;
  server: () => Listening | undefined;
}): ControllerLink {
  const { time, wire, mine, token, server } = parts;
  const ask = async <T>(route: 'getAssignments' | 'report', body?: unknown): Promise<T> => {
    const there = server();
    const act = async () =>
      structuredClone((await there?.controller.call(route, { token, ...(body ? { body } : {}) }))?.body) as T;
    const answer = await wire.exchange(mine, () => there?.life, act);
    return mine.signal.aborted ? new Promise<never>(() => undefined) : answer;
  };
  return {
    assignments: () => ask<Assignments>('getAssignments'),
    // a report is an effect of the agent: it may be killed before, or after it with the answer lost
    report: (report) =>
      mine.effect('report', { whole: () => ask<ReportAnswer>('report', structuredClone(report)) }),
    async watch(from, on, signal) {
      const there = server();
      if (!there || there.life.signal.aborted)
        throw err('api_unreachable', { endpoint: 'simulated', why: 'connection refused' });
      const either = AbortSignal.any([signal, there.life.signal]);
      const reply = await there.controller.call('watchAssignments', {
        token,
        query: from ? { from } : {},
        signal: either,
      });
      for await (const event of reply.events ?? []) {
        await time.sleep(wire.delayMs(), either);
        if (event.event === 'tunnel') on.tunnel(event.data as TunnelRequest);
        else on.changed();
      }
    },
    async imageContent() {
      throw err('not_supported', { what: 'image content', instead: 'Simulated bases have none.' });
    },
  };
}
