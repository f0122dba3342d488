/** All families of keys, in the order of the reference pages. Source: nova/api/validation/extra_specs, nova/objects/{image_meta,fields}.py (26.2.2), release notes after it. */
import type { Family } from '../key.ts';
import { behaviour } from './behaviour.ts';
import { accelerators, cpu, numa, pinning } from './cpu.ts';
import { display } from './display.ts';
import { entropy } from './entropy.ts';
import { machine } from './machine.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { quota } from './quota.ts';
import { scheduling, system } from './scheduling.ts';
import { storage } from './storage.ts';

export const families: readonly Family[] = [
  entropy,
  behaviour,
  machine,
  cpu,
  pinning,
  numa,
  memory,
  storage,
  network,
  display,
  quota,
  accelerators,
  scheduling,
  system,
];
