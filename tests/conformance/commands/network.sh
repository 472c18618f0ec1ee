# Networks and subnets
openstack network create --description d --tag blue --mtu 1400 net
openstack network set --name net1 --tag red net
openstack network unset --tag red net1
openstack network list --tags blue
openstack network show net1
openstack subnet pool create --pool-prefix 10.80.0.0/16 --default-prefix-length 24 pool
openstack subnet pool set --pool-prefix 10.81.0.0/16 --tag a pool
openstack subnet pool unset --tag a pool
openstack subnet pool list
openstack subnet pool show pool
openstack subnet create --network net1 --subnet-range 10.70.0.0/24 --dns-nameserver 9.9.9.9 --host-route destination=10.9.0.0/16,gateway=10.70.0.9 sub
openstack network create net2
openstack subnet create --network net2 --subnet-pool pool subpool
openstack subnet set --name sub1 --allocation-pool start=10.70.0.200,end=10.70.0.210 --no-allocation-pool --tag x sub
openstack subnet unset --tag x --dns-nameserver 9.9.9.9 sub1
openstack subnet list --network net1
openstack subnet show sub1
openstack ip availability list
openstack ip availability show net1
! openstack network delete nothing
# Address scopes and groups
openstack address scope create scope
openstack address scope set --name scope1 scope
openstack address scope list
openstack address scope show scope1
openstack address scope delete scope1
openstack address group create --address 10.1.0.0/24 ag
openstack address group set --address 10.2.0.0/24 --description d ag
openstack address group unset --address 10.1.0.0/24 ag
openstack address group list
openstack address group show ag
# Security groups
openstack security group create --description d --tag s sg
openstack security group set --name sg1 sg
openstack security group unset --tag s sg1
openstack security group list
openstack security group show sg1
rule=$(openstack security group rule create --protocol tcp --dst-port 22:23 --remote-address-group ag -f value -c id sg1)
openstack security group rule list sg1
openstack security group rule show $rule
openstack security group rule delete $rule
openstack security group delete sg1
openstack address group delete ag
default=$(openstack default security group rule create --protocol icmp --ingress -f value -c id)
openstack default security group rule list
openstack default security group rule show $default
openstack default security group rule delete $default
stateless=$(openstack security group default statefulness create --stateless -f value -c id)
openstack security group default statefulness list
openstack security group default statefulness set --stateful $stateless
openstack security group default statefulness show $stateless
openstack security group default statefulness delete $stateless
# Ports
openstack port create --network net1 --fixed-ip subnet=sub1 --tag t port
openstack port set --name port1 --description d --allowed-address ip-address=10.70.0.50 port
openstack port unset --tag t port1
openstack port set --no-allowed-address port1
openstack port list --network net1
openstack port show port1
# Routers
openstack network create --external --provider-network-type flat --provider-physical-network public ext
openstack subnet create --network ext --subnet-range 203.0.113.0/24 --no-dhcp extsub
openstack router create --tag r router
openstack router set --name router1 --description d --external-gateway ext router
openstack router add subnet router1 sub1
openstack router add route --route destination=10.33.0.0/16,gateway=10.70.0.9 router1
openstack router remove route --route destination=10.33.0.0/16,gateway=10.70.0.9 router1
openstack router list
openstack router show router1
openstack floating ip create --port port1 --description f ext
fip=$(openstack floating ip list -f value -c ID)
openstack floating ip set --description g --tag q $fip
openstack floating ip unset --tag q --port $fip
openstack floating ip show $fip
pf=$(openstack floating ip port forwarding create --internal-ip-address 10.70.0.200 --port port1 --internal-protocol-port 80 --external-protocol-port 8080 --protocol tcp -f value -c id $fip)
openstack floating ip port forwarding list $fip
openstack floating ip port forwarding set --external-protocol-port 8081 $fip $pf
openstack floating ip port forwarding show $fip $pf
openstack floating ip port forwarding delete $fip $pf
openstack floating ip delete $fip
helper=$(openstack network l3 conntrack helper create --helper tftp --protocol udp --port 69 -f value -c id router1)
openstack network l3 conntrack helper set --port 70 router1 $helper
openstack network l3 conntrack helper list router1
openstack network l3 conntrack helper show router1 $helper
openstack network l3 conntrack helper delete router1 $helper
openstack router add gateway --fixed-ip ip-address=203.0.113.77 router1 ext
openstack router remove gateway --fixed-ip ip-address=203.0.113.77 router1 ext
openstack router unset --external-gateway router1
openstack router remove subnet router1 sub1
openstack port create --network net1 --fixed-ip subnet=sub1,ip-address=10.70.0.1 gwport
openstack router add port router1 gwport
openstack router remove port router1 gwport
openstack router delete router1
openstack port delete port1
# QoS
openstack network qos policy create qos
openstack network qos policy set --description q qos
openstack network qos policy list
openstack network qos policy show qos
qosrule=$(openstack network qos rule create --type bandwidth-limit --max-kbps 1000 --egress -f value -c id qos)
openstack network qos rule set --max-kbps 2000 qos $qosrule
openstack network qos rule list qos
openstack network qos rule show qos $qosrule
openstack network qos rule delete qos $qosrule
openstack network qos rule type list
openstack network qos rule type show bandwidth_limit
openstack network qos policy delete qos
# RBAC
rbac=$(openstack network rbac create --type network --action access_as_shared --target-project demo -f value -c id net1)
openstack network rbac set --target-project other $rbac
openstack network rbac list
openstack network rbac show $rbac
openstack network rbac delete $rbac
# Agents
openstack network agent list
agent=$(openstack network agent list --agent-type dhcp --host $host -f value -c ID)
openstack network agent show $agent
openstack network agent set --description d $agent
openstack network agent remove network --dhcp $agent net2
openstack network agent add network --dhcp $agent net2
openstack router create router2
until [ "$(openstack network agent list --router router2 -f value -c Binary)" = monostack-agent ]; do sleep 1; done
l3=$(openstack network agent list --router router2 -f value -c ID)
openstack network agent remove router --l3 $l3 router2
openstack network agent add router --l3 $l3 router2
openstack router delete router2
# Flavors
profile=$(openstack network flavor profile create --description p --metainfo m -f value -c id)
openstack network flavor profile set --description q $profile
openstack network flavor profile list
openstack network flavor profile show $profile
openstack network flavor create --service-type L3_ROUTER_NAT nf
openstack network flavor set --description d nf
openstack network flavor add profile nf $profile
openstack network flavor remove profile nf $profile
openstack network flavor list
openstack network flavor show nf
openstack network flavor delete nf
openstack network flavor profile delete $profile
openstack network service provider list
# Meters
openstack network meter create meter
openstack network meter list
openstack network meter show meter
meterrule=$(openstack network meter rule create --remote-ip-prefix 10.0.0.0/8 -f value -c id meter)
openstack network meter rule list
openstack network meter rule show $meterrule
openstack network meter rule delete $meterrule
openstack network meter delete meter
# Segment ranges
openstack network create wired
openstack network segment create --network wired --network-type vxlan --segment 70200 wire
openstack network segment set --name wire1 wire
openstack network segment list --network wired
openstack network segment show wire1
openstack network segment delete wire1
openstack network delete wired
openstack network segment range create --network-type vxlan --minimum 70000 --maximum 70100 --shared range
openstack network segment range set --name range1 range
openstack network segment range list
openstack network segment range show range1
openstack network segment range delete range1
# Trunks
openstack port create --network net2 parent
openstack port create --network net2 child
openstack network trunk create --parent-port parent trunk
openstack network trunk set --description d trunk
openstack network trunk subport add --segmentation-type vlan --segmentation-id 5 trunk child
openstack network subport list --trunk trunk
openstack network trunk subport list trunk
openstack network trunk subport remove trunk child
openstack network trunk list
openstack network trunk show trunk
openstack port create --network net2 child2
openstack network trunk set --subport port=child2,segmentation-type=vlan,segmentation-id=6 trunk
openstack network trunk unset --subport child2 trunk
openstack network trunk delete trunk
openstack port delete child2
! openstack network agent delete 12345678-1234-1234-1234-123456789012
# Local IPs
localip=$(openstack local ip create --network net2 --description d -f value -c id)
openstack local ip set --name near $localip
openstack local ip list
openstack local ip show near
openstack local ip association create $localip parent
openstack local ip association list $localip
parentid=$(openstack port show -f value -c id parent)
openstack local ip association delete $localip $parentid
openstack local ip delete near
# Packet logs, whose commands are python-neutronclient's
openstack network loggable resources list
openstack network log create --resource-type security_group --event DROP --target parent packets
openstack network log set --disable packets
openstack network log list --long
openstack network log show packets
openstack network log delete packets
# NDP proxies
openstack router ndp proxy list
! openstack router ndp proxy show none
! openstack router ndp proxy set --name x none
! openstack router ndp proxy delete none
! openstack router ndp proxy create --port parent none
! openstack subnet pool add network pool net1
openstack subnet pool create --pool-prefix 2001:db8:1::/48 --default-prefix-length 64 --share pool6
# Auto allocated topology
openstack network set --default ext
openstack subnet pool create --pool-prefix 10.90.0.0/16 --default-prefix-length 26 --share --default default4
OS_CLOUD=other openstack network auto allocated topology create
OS_CLOUD=other openstack network auto allocated topology delete
# Subnets that are there join a pool
openstack address scope create scope2
openstack subnet pool create --pool-prefix 10.95.0.0/16 --address-scope scope2 pool2
openstack network create net3
openstack subnet create --network net3 --subnet-range 10.96.0.0/24 sub3
openstack network onboard subnet net3 pool2
openstack subnet delete sub3
openstack subnet pool delete pool2 default4 pool6
openstack port delete parent child
openstack subnet delete subpool sub1 extsub
openstack subnet pool delete pool
openstack network delete net1 net2 net3 ext
