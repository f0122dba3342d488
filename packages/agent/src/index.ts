/** The agent: runs on each node, alone acts on it. */
export * from './actions.ts';
export * from './env.ts';
export { clearNode, requireClearable } from './identity/clear-node.ts';
export * from './leases.ts';
export { type RunningAgent, startAgent } from './loop/agent.ts';
export { wantedText } from './network/filter/filters.ts';
export { guestFilter } from './network/filter/sources.ts';
export { askedOf } from './network/probe/asked.ts';
export * from './observation.ts';
export { ticketMark } from './storage/layout.ts';
