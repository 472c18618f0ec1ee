# What servers are made of
openstack flavor create --ram 64 --vcpus 1 --disk 1 --property hw:cpu_policy=shared small
openstack flavor create --ram 128 --vcpus 1 --disk 1 --private bigger
openstack flavor set --property n=1 --project demo bigger
openstack flavor unset --property n --project demo bigger
openstack flavor list --all
openstack flavor show small
openstack image create --disk-format raw --container-format bare --file disk.raw --public guest
openstack network create srvnet
openstack subnet create --network srvnet --subnet-range 10.60.0.0/24 srvsub
openstack keypair create key
openstack keypair list
openstack keypair show key
openstack server group create --policy anti-affinity group
openstack server group list
openstack server group show group
# A server's life
openstack server create --flavor small --image guest --network srvnet --key-name key --property a=b --tag t --wait one
openstack server list --long
openstack server show one
openstack server set --name uno --property c=d --tag u one
openstack server unset --property c --tag u uno
openstack server stop uno
until [ "$(openstack server show uno -f value -c status)" = SHUTOFF ]; do sleep 1; done
openstack server start uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
openstack server reboot --hard --wait uno
openstack server pause uno
until [ "$(openstack server show uno -f value -c status)" = PAUSED ]; do sleep 1; done
openstack server unpause uno
openstack server suspend uno
until [ "$(openstack server show uno -f value -c status)" = SUSPENDED ]; do sleep 1; done
openstack server resume uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
openstack server lock --reason busy uno
openstack server unlock uno
openstack server rescue uno
until [ "$(openstack server show uno -f value -c status)" = RESCUE ]; do sleep 1; done
openstack server unrescue uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
openstack server resize --flavor bigger --wait uno
openstack server resize confirm uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
openstack server resize --flavor small --wait uno
openstack server resize revert uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
openstack server migrate --wait uno
openstack server migration confirm uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
openstack server migrate --wait uno
openstack server migration revert uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
! openstack server migrate confirm uno
! openstack server migrate revert uno
openstack server migration list --server uno
! openstack server migration show uno 12345678-1234-1234-1234-123456789012
! openstack server migration abort uno 12345678-1234-1234-1234-123456789012
! openstack server migration force complete uno 12345678-1234-1234-1234-123456789012
openstack server image create --name shot --wait uno
openstack server backup create --name backup --type daily --rotate 1 --wait uno
openstack server rebuild --image guest --wait uno
openstack server shelve uno
until [ "$(openstack server show uno -f value -c status)" = SHELVED_OFFLOADED ]; do sleep 1; done
openstack server unshelve uno
until [ "$(openstack server show uno -f value -c status)" = ACTIVE ]; do sleep 1; done
openstack console log show uno
openstack console url show uno
! openstack console connection show nothing
openstack server event list uno
event=$(openstack server event list uno -f value -c "Request ID" --limit 1)
openstack server event show uno $event
! openstack server evacuate uno
! openstack server restore uno
# What a server has
openstack port create --network srvnet extra
openstack server add port uno extra
openstack server remove port uno extra
openstack server add network uno srvnet
openstack server remove network uno srvnet
openstack server create --flavor small --image guest --network srvnet --wait dos
openstack server add fixed ip dos srvnet
openstack security group create extra
openstack server add security group dos extra
openstack server remove security group dos extra
openstack volume create --size 1 disk
until [ "$(openstack volume show disk -f value -c status)" = available ]; do sleep 1; done
openstack server add volume dos disk
until [ "$(openstack volume show disk -f value -c status)" = in-use ]; do sleep 1; done
openstack server volume list dos
openstack server volume set --preserve-on-termination dos disk
openstack server volume update dos disk
openstack server remove volume dos disk
until [ "$(openstack volume show disk -f value -c status)" = available ]; do sleep 1; done
openstack network create --external --provider-network-type flat --provider-physical-network public srvext
openstack subnet create --network srvext --subnet-range 198.51.100.0/24 --no-dhcp srvextsub
openstack router create --external-gateway srvext srvrouter
openstack router add subnet srvrouter srvsub
fip=$(openstack floating ip create -f value -c floating_ip_address srvext)
openstack server add floating ip dos $fip
openstack server remove floating ip dos $fip
openstack floating ip delete $fip
! openstack server remove fixed ip dos 10.60.0.250
openstack server dump create dos
until [ "$(openstack server show dos -f value -c OS-EXT-STS:task_state)" = None ]; do sleep 1; done
openstack server share list dos
! openstack server share show dos 12345678-1234-1234-1234-123456789012
! openstack server add share dos 12345678-1234-1234-1234-123456789012
! openstack server remove share dos 12345678-1234-1234-1234-123456789012
# The cloud
! openstack compute agent list
! openstack compute agent create linux x86_64 1 http://192.0.2.1/agent 0 libvirt
! openstack compute agent set --agent-version 2 1
! openstack compute agent delete 1
openstack aggregate create agg
openstack aggregate set --property p=q agg
openstack aggregate unset --property p agg
openstack aggregate add host agg $host
openstack aggregate list
openstack aggregate show agg
openstack aggregate cache image agg guest
openstack aggregate remove host agg $host
openstack aggregate delete agg
openstack compute service list
openstack compute service set --disable --disable-reason testing $host nova-compute
openstack compute service set --enable $host nova-compute
! openstack compute service delete 12345678-1234-1234-1234-123456789012
openstack hypervisor list
openstack hypervisor show $host
openstack --os-compute-api-version 2.40 hypervisor stats show
openstack --os-compute-api-version 2.40 host list
openstack --os-compute-api-version 2.40 host show $host
openstack --os-compute-api-version 2.40 host set --disable $host
openstack --os-compute-api-version 2.40 host set --enable $host
openstack usage list
openstack usage show
# Gone again
openstack server delete --wait uno dos
! openstack server show uno
openstack server group delete group
openstack keypair delete key
openstack router remove subnet srvrouter srvsub
openstack router delete srvrouter
openstack port delete extra
openstack subnet delete srvextsub srvsub
openstack network delete srvext srvnet
openstack volume delete disk
openstack flavor delete small bigger
openstack image delete guest shot backup
