/** Parts for tests of others: a cluster of one fake node in memory, and its pieces. */
export { type TestCluster, testCluster } from './cluster.ts';
export { FakeAgent } from './fake-agent.ts';
export { fakeAuthority, fingerprintOf, signingRequest } from './fake-authority.ts';
export { memoryImages } from './memory-images.ts';
export { settle, type TestEnv, testEnv } from './test-env.ts';
