/** A whole cluster in one process, with virtual time and seeded faults. */
export { dieAt, type Faults, noFaults } from './faults.ts';
export { assertNothingLeft, assertSound } from './invariants.ts';
export { type Simulation, simulation } from './simulation.ts';
