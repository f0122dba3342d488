/** What a node must offer. */
import { anyText, built, type Family, family, inert, integer, later, matching, words } from '../key.ts';

const architectures = [
  'alpha',
  'armv6',
  'armv7l',
  'armv7b',
  'aarch64',
  'cris',
  'i686',
  'ia64',
  'lm32',
  'm68k',
  'microblaze',
  'microblazeel',
  'mips',
  'mipsel',
  'mips64',
  'mips64el',
  'openrisc',
  'parisc',
  'parisc64',
  'ppc',
  'ppcle',
  'ppc64',
  'ppc64le',
  'ppcemb',
  's390',
  's390x',
  'sh4',
  'sh4eb',
  'sparc',
  'sparc64',
  'unicore32',
  'x86_64',
  'xtensa',
  'xtensaeb',
] as const;
const i686 = ['i386', 'i486', 'i586', 'x86_32', 'x86_32p'].map((name) => [name, 'i686'] as const);
/** Nova's names, and those of Debian. */
const spellings = { amd64: 'x86_64', arm64: 'aarch64', ...Object.fromEntries(i686) };
export const architectureWords = words(architectures, { aliases: spellings, anyCase: true });

const hypervisors = [
  'baremetal',
  'bhyve',
  'docker',
  'fake',
  'hyperv',
  'ironic',
  'kqemu',
  'kvm',
  'lxc',
  'lxd',
  'openvz',
  'parallels',
  'phyp',
  'qemu',
  'test',
  'uml',
  'vbox',
  'vz',
  'vmware',
  'xen',
  'zvm',
  'prsm',
] as const;

export const scheduling: Family = family(
  'Placement',
  [],
  [
    built(
      'resources:CLASS',
      integer(0),
      'none',
      'Amount that the node must have free: VCPU, PCPU, MEMORY_MB, DISK_GB, or a CUSTOM_ one that an operator gave to nodes. PCPU says the same as hw:cpu_policy=dedicated.',
      { pattern: /^resources[a-zA-Z0-9_-]{0,64}:[A-Z0-9_]{1,255}$/ },
    ),
    built('trait:NAME', words(['required', 'forbidden']), 'none', 'Traits that the node must (not) have.', {
      pattern: /^trait[a-zA-Z0-9_-]{0,64}:[A-Z0-9_]{1,255}$/,
    }),
    later(
      'aggregate_instance_extra_specs:KEY',
      anyText,
      'none',
      'Matched against metadata of host aggregates.',
      {
        pattern: /^aggregate_instance_extra_specs:.{1,255}$/,
        missing: 'nodes are in no aggregates; give them traits',
      },
    ),
    later('capabilities:KEY', anyText, 'none', 'Matched against capabilities of hosts.', {
      pattern: /^capabilities:\w{1,255}(:\w{1,255})*$/,
      missing: 'what nodes can is asked for by traits',
    }),
    later('group_policy', words(['none', 'isolate']), 'none', 'How groups of resources are placed.', {
      missing: 'a node is one provider of resources',
      harmless: ['none'],
    }),
  ],
  [
    built('hw_architecture', architectureWords, 'the node’s', 'Architecture that the image needs.', {
      aliases: ['architecture'],
      effect: 'os/type@arch',
    }),
    built(
      'img_hv_type',
      words(hypervisors, { aliases: { xapi: 'xen' }, anyCase: true }),
      'any',
      'Hypervisor that the image needs.',
      { aliases: ['hypervisor_type'] },
    ),
    built(
      'hw_vm_mode',
      words(['hvm', 'xen', 'uml', 'exe'], {
        aliases: { hv: 'hvm', pv: 'xen', baremetal: 'hvm' },
        anyCase: true,
      }),
      'hvm',
      'Kind of virtualisation; guests here are hvm.',
      { aliases: ['vm_mode'] },
    ),
    built(
      'img_hv_requested_version',
      matching(
        /^((<=|>=|==|!=|<|>)\s*\d+(\.\d+)*(\s*,\s*(?!$)|$))+$/,
        'a list of comparisons such as >=7.0,<9',
      ),
      'any',
      'Hypervisor version that the image needs.',
      { aliases: ['hypervisor_version_requires'] },
    ),
    built('trait:NAME', words(['required', 'forbidden']), 'none', 'Traits that the node must have.', {
      pattern: /^trait:[A-Z0-9_]{1,255}$/,
    }),
  ],
);

export const system: Family = family(
  'The system in the image',
  [],
  [
    inert('os:resolution', anyText, 'none', 'Of another hypervisor; nothing here.'),
    inert('os:monitors', integer(1, 8), 'none', 'Of another hypervisor; nothing here.'),
    inert('os:vram', anyText, 'none', 'Of another hypervisor; nothing here.'),
  ],
  [
    built(
      'os_type',
      words(['linux', 'windows'], { anyCase: true }),
      'linux',
      'Windows gets a clock in local time, the interfaces of its own hypervisor, and a tablet.',
      { effect: 'clock@offset, clock/timer[hypervclock], features/hyperv, devices/input' },
    ),
    inert('os_distro', anyText, 'none', 'Name of the system.', { aliases: ['vmware_ostype'] }),
    inert('os_version', anyText, 'none', 'Version of the system.'),
    inert('os_admin_user', anyText, 'none', 'Whose password may be changed.'),
    inert('os_skip_agent_inject_files_at_boot', anyText, 'none', 'Of another hypervisor; nothing here.', {
      aliases: ['xenapi_skip_agent_inject_files_at_boot'],
    }),
    inert('os_skip_agent_inject_ssh', anyText, 'none', 'Of another hypervisor; nothing here.', {
      aliases: ['xenapi_skip_agent_inject_ssh'],
    }),
    ...(
      [
        ['img_bdm_v2', 'bdm_v2'],
        ['img_bittorrent', 'bittorrent'],
        ['img_block_device_mapping', 'block_device_mapping'],
        ['img_cache_in_nova', 'cache_in_nova'],
        ['img_compression_level', 'xenapi_image_compression_level'],
        ['img_linked_clone', 'vmware_linked_clone'],
        ['img_mappings', 'mappings'],
        ['img_owner_id', 'owner_id'],
        ['img_root_device_name', 'root_device_name'],
        ['img_use_agent', 'xenapi_use_agent'],
        ['img_version', 'vmware_image_version'],
      ] as const
    ).map(([key, older]) =>
      inert(key, anyText, 'none', 'Bookkeeping of Nova’s image service.', { aliases: [older] }),
    ),
    ...[
      'img_signature',
      'img_signature_hash_method',
      'img_signature_certificate_uuid',
      'img_signature_key_type',
    ].map((key) =>
      later(key, anyText, 'none', 'Signature of the image.', { missing: 'signatures are not checked' }),
    ),
  ],
);
