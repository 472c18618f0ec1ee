openstack image create --disk-format raw --container-format bare --file disk.raw --property os_distro=debian --tag blue img
openstack image list --long --property os_distro=debian
openstack image show img
openstack image set --name img2 --min-ram 64 --property a=b --tag red img
openstack image unset --property a --tag red img2
openstack image save --file copy.raw img2
openstack image set --shared img2
openstack image add project img2 other
openstack image member list img2
other=$(openstack project show other -f value -c id)
openstack image member get img2 $other
openstack image remove project img2 other
openstack image import info
openstack image stores list
openstack image create --disk-format raw --container-format bare empty
# The filter refuses it; the client does not say so
openstack image import --method web-download --uri http://127.0.0.1/disk empty
openstack image stage --file disk.raw empty
openstack image import --method glance-direct empty
until [ "$(openstack image show empty -f value -c status)" = active ]; do sleep 1; done
task=$(openstack image task list --limit 1 --sort-key created_at --sort-dir desc -f value -c ID)
openstack image task show $task
openstack image set --deactivate img2
openstack image set --activate img2
openstack image delete img2 empty
! openstack image show img2
# Metadata definitions
openstack image metadef namespace create --display-name N ns
openstack image metadef namespace set --description d ns
openstack image metadef namespace set --tag t1 --tag t2 ns
openstack image metadef namespace unset --tag t1 ns
openstack image metadef namespace unset --all-tags ns
openstack image metadef namespace list
openstack image metadef namespace show ns
openstack image metadef object create --namespace ns obj
openstack image metadef object list ns
openstack image metadef object show ns obj
openstack image metadef object update --name obj2 ns obj
! openstack image metadef object property show ns obj2 none
openstack image metadef object delete ns obj2
openstack image metadef property create --name prop --title P --type string --schema '{}' ns
openstack image metadef property set --title PP ns prop
openstack image metadef property list ns
openstack image metadef property show ns prop
openstack image metadef property delete ns prop
openstack image metadef resource type list
openstack image metadef resource type association create ns OS::Nova::Server
openstack image metadef resource type association list ns
openstack image metadef resource type association delete ns OS::Nova::Server
openstack image metadef namespace delete ns
