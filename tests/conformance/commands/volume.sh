# Types and QoS
openstack volume type create --description d --property a=b ty
openstack volume type set --name ty1 --property c=d ty
openstack volume type unset --property a --property c ty1
openstack volume type list --long
openstack volume type show ty1
openstack volume qos create --consumer front-end --property total_iops_sec=100 q
openstack volume qos set --property total_iops_sec=200 --property x=y q
openstack volume qos unset --property x q
openstack volume qos associate q ty1
openstack volume qos list
openstack volume qos show q
openstack volume qos disassociate --all q
openstack volume qos delete q
# Volumes, all on one host, so that they may be in one group
openstack volume service set --disable $second@file cinder-volume
openstack volume service set --disable $third@file cinder-volume
openstack volume create --size 1 --type ty1 --property k=v --description d vol
until [ "$(openstack volume show vol -f value -c status)" = available ]; do sleep 1; done
openstack volume set --name vol1 --property m=n --image-property i=j --bootable vol
openstack volume unset --property m --image-property i vol1
openstack volume set --size 2 vol1
until [ "$(openstack volume show vol1 -f value -c status)" = available ]; do sleep 1; done
openstack volume list --long
openstack volume show vol1
openstack volume summary --all-projects
openstack volume snapshot create --volume vol1 --property s=t snap
until [ "$(openstack volume snapshot show snap -f value -c status)" = available ]; do sleep 1; done
openstack volume snapshot set --name snap1 --property u=v snap
openstack volume snapshot unset --property u snap1
openstack volume snapshot list
openstack volume snapshot show snap1
openstack volume revert snap1
until [ "$(openstack volume show vol1 -f value -c status)" = available ]; do sleep 1; done
openstack volume snapshot delete snap1
# Backups
openstack volume backup create --name bk vol1
until [ "$(openstack volume backup show bk -f value -c status)" = available ]; do sleep 1; done
openstack volume backup set --name bk1 --property b=c bk
openstack volume backup unset --property b bk1
openstack volume backup list
openstack volume backup show bk1
openstack volume backup restore --force bk1 vol1
until [ "$(openstack volume show vol1 -f value -c status)" = available ]; do sleep 1; done
service=$(openstack volume backup record export -f value -c backup_service bk1)
url=$(openstack volume backup record export -f value -c backup_url bk1)
until [ "$(openstack volume backup show bk1 -f value -c status)" = available ]; do sleep 1; done
! openstack volume backup record import $service $url
openstack volume backup delete bk1
# Transfers
until [ "$(openstack volume show vol1 -f value -c status)" = available ]; do sleep 1; done
transfer=$(openstack volume transfer request create --name tr vol1 -f value -c id)
openstack volume transfer request list
openstack volume transfer request show tr
! openstack volume transfer request accept --auth-key wrong tr
openstack volume transfer request delete $transfer
# Attachments
openstack volume create --size 1 att
until [ "$(openstack volume show att -f value -c status)" = available ]; do sleep 1; done
! openstack volume attachment create att nothing
openstack volume attachment list
! openstack volume attachment show 12345678-1234-1234-1234-123456789012
! openstack volume attachment set --initiator x 12345678-1234-1234-1234-123456789012
! openstack volume attachment complete 12345678-1234-1234-1234-123456789012
openstack volume attachment delete 12345678-1234-1234-1234-123456789012
openstack volume delete att
# Groups
openstack volume group type create gt
openstack volume group type set --description d gt
openstack volume group type list
openstack volume group type show gt
group=$(openstack volume group create --volume-group-type gt --volume-type ty1 --name grp -f value -c ID)
until [ "$(openstack volume group show grp -f value -c Status)" = available ]; do sleep 1; done
openstack volume group set --description d grp
openstack volume group add volume grp vol1
until [ "$(openstack volume group show grp -f value -c Status)" = available ]; do sleep 1; done
openstack volume group list
openstack volume group snapshot create --name gs grp
until [ "$(openstack volume group snapshot show gs -f value -c Status)" = available ]; do sleep 1; done
openstack volume group snapshot list
openstack volume group snapshot delete gs
openstack volume group remove volume grp vol1
! openstack volume group failover grp
until [ "$(openstack volume group show grp -f value -c Status)" = available ]; do sleep 1; done
openstack volume group delete grp
openstack volume group type delete gt
# Groups as they were before there were types of them
openstack consistency group create --volume-type ty1 --description d cg
openstack consistency group set --name cg1 cg
until [ "$(openstack consistency group show cg1 -f value -c status)" = available ]; do sleep 1; done
openstack volume create --size 1 --type ty1 --consistency-group cg1 cgvol
until [ "$(openstack volume show cgvol -f value -c status)" = available ]; do sleep 1; done
openstack consistency group snapshot create --consistency-group cg1 --description d cgsnap
until [ "$(openstack consistency group snapshot show cgsnap -f value -c status)" = available ]; do sleep 1; done
openstack consistency group snapshot list --long
openstack consistency group snapshot delete cgsnap
until [ "$(openstack consistency group snapshot list -f value -c Name)" = "" ]; do sleep 1; done
openstack consistency group remove volume cg1 cgvol
until [ "$(openstack consistency group show cg1 -f value -c status)" = available ]; do sleep 1; done
# The group is on no host, since none was fit for it
! openstack consistency group add volume cg1 cgvol
openstack consistency group list --long
# The client asks for it in words that Cinder does not take
! openstack consistency group delete cg1
openstack volume delete cgvol
# The service
openstack volume service list
openstack volume service set --disable $host@file cinder-volume
openstack volume service set --enable $host@file cinder-volume
openstack volume backend pool list
openstack volume backend capability show $host@file
openstack volume message list
! openstack volume message show 12345678-1234-1234-1234-123456789012
! openstack volume message delete 12345678-1234-1234-1234-123456789012
openstack block storage resource filter list
openstack block storage resource filter show volume
openstack block storage log level list
openstack block storage log level set --log-prefix cinder.none DEBUG
openstack block storage cluster list
! openstack block storage cluster show c
! openstack block storage cluster set --enable c
! openstack block storage cleanup --host $host@file --binary cinder-volume --cluster none
openstack block storage volume manageable list $host@file#file
openstack block storage snapshot manageable list --long $host@file#file
openstack volume host set --disable $host@file
openstack volume host set --enable $host@file
! openstack volume host failover --volume-backend x $host@file
! openstack volume migrate --host nowhere vol1
openstack volume service set --enable $second@file cinder-volume
openstack volume service set --enable $third@file cinder-volume
# Gone again
openstack volume delete vol1
until [ "$(openstack volume list --name vol1 -f value -c Name)" = "" ]; do sleep 1; done
openstack volume type delete ty1
