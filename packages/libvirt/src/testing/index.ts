export { type ConformanceCheck, type ConformanceContext, conformanceChecks } from './conformance.ts';
export * from './domain-machine.ts';
export { parseDomainSpec } from './domain-spec.ts';
export { type FakeHypervisor, fakeHypervisor } from './fake-hypervisor.ts';
export {
  type FakeHandler,
  type FakeHandlers,
  type FakeLibvirtd,
  type FakeOptions,
  type ReceivedCall,
  startFakeLibvirtd,
} from './fake-libvirtd.ts';
export type { FakeSasl } from './fake-sasl.ts';
export { type FakeStream, type FakeStreamPeer, type Fault, refusal } from './fake-session.ts';
export * from './guest-steps.ts';
export * from './machine.ts';
export { createAuthority, type Issued, type TestAuthority } from './test-pki.ts';
