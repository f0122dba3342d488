import { actVerb } from './act.ts';

export const instanceNmi = actVerb('nmi', 'nmiInstance', {
  summary: 'send an instance a non-maskable interrupt',
  details:
    'To a guest that hangs: Linux writes a crash dump where kdump is set up (kernel.unknown_nmi_panic=1), Windows stops with a memory dump.',
  examples: ['gantry instance nmi web1'],
});
