/** Domain XML as somebody writes it who has no cluster. */
export interface ForeignGuest {
  name: string;
  uuid: string;
  /** Path of its raw disk; what its serial port says goes to `DISK.log`. */
  disk: string;
  /** Elements before `devices`, and in it. */
  extra?: string;
  devices?: string;
}

export const foreignXml = ({ name, uuid, disk, extra = '', devices = '' }: ForeignGuest): string =>
  `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${name}</name><uuid>${uuid}</uuid>
  <metadata><other:thing xmlns:other='urn:somebody'>mixed <b>text</b> stays</other:thing></metadata>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>${extra}
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
    <serial type='pty'><log file='${disk}.log' append='on'/></serial><console type='pty'/>
    <panic model='isa'/>${devices}
  </devices>
</domain>`;
