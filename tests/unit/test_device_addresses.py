"""Addresses of devices as libvirt writes them."""

from monostack.agent.hypervisor.libvirt.addresses import places

DOMAIN = """<domain><devices>
<disk type='file' device='disk'><target dev='vda' bus='virtio'/>
  <address type='pci' domain='0x0000' bus='0x00' slot='0x04' function='0x0'/></disk>
<disk type='file' device='disk'><target dev='vdb' bus='virtio'/><serial>one</serial>
  <address type='pci' domain='0x0000' bus='0x00' slot='0x1f' function='0x2'/></disk>
<disk type='file' device='disk'><target dev='sda' bus='scsi'/><serial>two</serial>
  <address type='drive' controller='0' bus='0' target='0' unit='3'/></disk>
<disk type='file' device='disk'><target dev='sdb' bus='usb'/><serial>three</serial><address type='usb' bus='0' port='1'/></disk>
<disk type='file' device='disk'><target dev='sdc' bus='sata'/><serial>four</serial>
  <address type='drive' controller='0' bus='0' target='0' unit='1'/></disk>
<interface type='ethernet'><mac address='fa:16:3e:00:00:01'/><target dev='tap0'/>
  <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></interface>
<interface type='ethernet'><mac address='fa:16:3e:00:00:02'/></interface>
</devices></domain>"""


def test_places() -> None:
    assert {name: tuple(place) for name, place in places(DOMAIN).items()} == {
        "one": ("pci", "0000:00:1f.2"),
        "two": ("scsi", "0:0:0:3"),
        "three": ("usb", "0:1"),
        "four": ("none", "none"),
        "fa:16:3e:00:00:01": ("pci", "0000:01:00.0"),
        "fa:16:3e:00:00:02": ("none", "none"),
    }
