openstack availability zone list
openstack configuration show
openstack extension list --network
openstack extension show agent
openstack limits show --absolute
openstack quota show demo
openstack quota set --cores 30 --volumes 20 --networks 20 demo
openstack quota list --compute
openstack quota delete demo
openstack versions show
OS_CLOUD=demo openstack project cleanup --dry-run --auth-project
