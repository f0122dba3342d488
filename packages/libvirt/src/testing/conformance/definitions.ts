/** Definitions: found, refused, taken back, forgotten. */
import { strict as assert } from 'node:assert';
import { virDomainState } from '../../enums/domain-state.ts';
import { virErrorNumber } from '../../enums/error.ts';
import { isInvalidInput, isInvalidState, isNotFound, isUnsupported, LibvirtError } from '../../errors.ts';
import { type ConformanceCheck, stateOf, withGuest } from './check.ts';

export const definitionChecks: readonly ConformanceCheck[] = [
  {
    title: 'finds a defined domain by name and UUID, and lists it',
    run: (context) =>
      withGuest(context, async (dom) => {
        const { lv } = context;
        assert.equal(dom.id, -1);
        assert.deepEqual(await lv.domainLookupByUuid({ uuid: dom.uuid }), dom);
        assert.deepEqual(await lv.domainLookupByName({ name: dom.name }), dom);
        assert.ok((await lv.connectListAllDomains()).some(({ uuid }) => uuid === dom.uuid));
        assert.deepEqual(await stateOf(lv, dom), [virDomainState.VIR_DOMAIN_SHUTOFF, 0]);
        assert.match(await lv.domainGetXmlDesc({ dom }), new RegExp(dom.uuid));
        assert.equal(await lv.domainIsPersistent({ dom }), true);
        assert.equal(await lv.domainIsActive({ dom }), false);
      }),
  },
  {
    title: 'says with a name what does not exist',
    async run({ lv, newUuid }) {
      const error = await lv.domainLookupByUuid({ uuid: newUuid() }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof LibvirtError);
      assert.ok(isNotFound(error));
      assert.equal(error.codeName, 'VIR_ERR_NO_DOMAIN');
      assert.equal(error.domainName, 'VIR_FROM_QEMU');
      assert.equal(error.level, 'error');
      assert.equal(error.call, 'domainLookupByUuid');
      assert.match(error.message, /no domain with matching uuid/);
      await assert.rejects(lv.domainLookupByName({ name: 'no such domain' }), isNotFound);
      await assert.rejects(lv.domainLookupById({ id: 2_000_000_000 }), isNotFound);
    },
  },
  {
    title: 'refuses bad XML and clashing identities',
    run: (context) =>
      withGuest(context, async (dom) => {
        const { lv } = context;
        await assert.rejects(lv.domainDefineXmlFlags({ xml: '<domain' }), isInvalidInput);
        await assert.rejects(lv.domainDefineXmlFlags({ xml: '<pool/>' }), isInvalidInput);
        const clash = { code: virErrorNumber.VIR_ERR_OPERATION_FAILED };
        const sameName = context.guestXml({ name: dom.name, uuid: context.newUuid() });
        await assert.rejects(lv.domainDefineXmlFlags({ xml: sameName }), clash);
        const sameUuid = context.guestXml({ name: `${dom.name}-other`, uuid: dom.uuid });
        await assert.rejects(lv.domainDefineXmlFlags({ xml: sameUuid }), clash);
      }),
  },
  {
    title: 'refuses actions at the end that QEMU cannot combine',
    async run(context) {
      const xml = context.guestXml({
        name: 'unsupported',
        uuid: context.newUuid(),
        extra: '<on_poweroff>restart</on_poweroff><on_reboot>destroy</on_reboot>',
      });
      await assert.rejects(context.lv.domainDefineXmlFlags({ xml }), isUnsupported);
    },
  },
  {
    title: 'keeps a running domain when its definition goes, and takes the definition back',
    run: (context) =>
      withGuest(context, async (dom, uuid) => {
        const { lv } = context;
        await lv.domainCreateWithFlags({ dom });
        await lv.domainUndefineFlags({ dom });
        assert.equal(await lv.domainIsPersistent({ dom }), false);
        await assert.rejects(lv.domainUndefineFlags({ dom }), isInvalidState);
        await assert.rejects(lv.domainSetAutostart({ dom, autostart: true }), isInvalidState);
        await lv.domainDefineXmlFlags({ xml: context.guestXml({ name: dom.name, uuid }) });
        assert.equal(await lv.domainIsPersistent({ dom }), true);
        assert.deepEqual(await stateOf(lv, dom), [1, 1]);
      }),
  },
  {
    title: 'forgets a transient domain when it stops',
    async run(context) {
      const { lv } = context;
      const uuid = context.newUuid();
      const xmlDesc = context.guestXml({ name: `transient-${uuid.slice(0, 8)}`, uuid });
      const dom = await lv.domainCreateXml({ xmlDesc });
      assert.equal(await lv.domainIsPersistent({ dom }), false);
      await lv.domainDestroyFlags({ dom });
      await assert.rejects(lv.domainLookupByUuid({ uuid }), isNotFound);
    },
  },
];
