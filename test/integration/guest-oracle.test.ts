/** A real libvirtd defines what the offline render makes of the oracle’s cases, as it did with Nova’s own XML. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerTo } from '@gantry/guest';
import { connect, type LibvirtClient, virDomainUndefineFlagsValues } from '@gantry/libvirt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { oracleCases, question } from '../../packages/guest/test/oracle.ts';
import { type PrivateLibvirtd, startPrivateLibvirtd } from '../lab/private-libvirtd.ts';

let dir: string;
let libvirtd: PrivateLibvirtd;
let lv: LibvirtClient;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gx-'));
  libvirtd = await startPrivateLibvirtd({ dir });
  lv = await connect({ socket: libvirtd.socketPath, uri: 'qemu:///system' });
});

afterAll(async () => {
  await lv.close();
  await libvirtd.stop();
  await rm(dir, { recursive: true });
});

/** Without KVM libvirt defines emulated guests only: the same hardware is judged under emulation, as with Nova’s XML. */
const emulated = (xml: string): string => xml.replace("<domain type='kvm'>", "<domain type='qemu'>");

/** libvirt’s refusal, or undefined. */
async function refusal(xml: string): Promise<string | undefined> {
  try {
    const dom = await lv.domainDefineXmlFlags({ xml: emulated(xml) });
    await lv.domainUndefineFlags({ dom, flags: virDomainUndefineFlagsValues.VIR_DOMAIN_UNDEFINE_NVRAM });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What this machine lacks, whoever asks: another architecture’s QEMU, SEV, and swtpm where it is not installed. */
const lacking = existsSync('/usr/bin/swtpm') ? /emulator|SEV/ : /emulator|SEV|TPM version/;

const cases = oracleCases('guest-config').filter((one) => one.expect.xml !== undefined);

test('every one is defined, or needs what this machine lacks', async () => {
  const refused: string[] = [];
  let defined = 0;
  for (const one of cases) {
    const answer = answerTo(question(one));
    if (!('xml' in answer)) continue;
    const why = await refusal(answer.xml);
    if (why === undefined) defined++;
    else if (!lacking.test(why)) refused.push(`${one.name}: ${why}`);
  }
  expect(refused).toEqual([]);
  // 335 have XML in the oracle; 7 of them are refused knowingly, 12 need SEV, a TPM or another architecture.
  expect(defined).toBeGreaterThanOrEqual(316);
});
