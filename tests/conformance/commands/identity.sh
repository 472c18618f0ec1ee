# Domains, projects, users, groups, roles
openstack domain create --description "a domain" dom
openstack domain set --description changed dom
openstack domain list
openstack domain show dom
openstack project create --domain dom --description d --property k=v proj
openstack project set --name proj2 --domain dom proj
openstack project list --domain dom
openstack project show --domain dom proj2
! openstack project show nobody
openstack user create --domain dom --password secret --email a@b.c --description u ann
openstack user set --domain dom --email x@y.z ann
openstack user list --domain dom
openstack user show --domain dom ann
openstack group create --domain dom grp
openstack group set --domain dom --description g grp
openstack group list --domain dom
openstack group show --domain dom grp
openstack group add user --group-domain dom --user-domain dom grp ann
openstack group contains user --group-domain dom --user-domain dom grp ann
openstack group remove user --group-domain dom --user-domain dom grp ann
openstack role create helper
openstack role set --description "helps" helper
openstack role list
openstack role show helper
openstack role add --user ann --user-domain dom --project proj2 --project-domain dom helper
openstack role assignment list --user ann --user-domain dom --names
openstack role remove --user ann --user-domain dom --project proj2 --project-domain dom helper
openstack implied role create --implied-role reader helper
openstack implied role list
openstack implied role delete --implied-role reader helper
openstack role delete helper
OS_CLOUD=demo openstack user password set --original-password demo-password --password demo-password
# Catalog
openstack catalog list
openstack catalog show compute
openstack region create --description r reg
openstack region set --description r2 reg
openstack region list
openstack region show reg
openstack service create --name svc --description s svctype
openstack service set --description s2 svc
openstack service list --long
openstack service show svc
endpoint=$(openstack endpoint create --region reg -f value -c id svc public http://127.0.0.1:1)
openstack endpoint set --url http://127.0.0.1:2 $endpoint
openstack endpoint list --service svc
openstack endpoint show $endpoint
openstack endpoint add project --project-domain dom $endpoint proj2
openstack endpoint remove project --project-domain dom $endpoint proj2
openstack endpoint group create eg filters.json
openstack endpoint group set --name eg --description d --filters filters.json eg
openstack endpoint group list
openstack endpoint group show eg
project=$(openstack project show --domain dom proj2 -f value -c id)
openstack endpoint group add project eg $project
openstack endpoint group remove project eg $project
openstack endpoint group delete eg
openstack endpoint delete $endpoint
# Limits
openstack registered limit create --service svc --region reg --default-limit 5 things
limit=$(openstack registered limit list --service svc -f value -c ID)
openstack registered limit set --default-limit 6 $limit
openstack registered limit show $limit
own=$(openstack limit create --project demo --service svc --region reg --resource-limit 3 -f value -c id things)
openstack limit set --resource-limit 4 $own
openstack limit list
openstack limit show $own
openstack limit delete $own
openstack registered limit delete $limit
openstack service delete svc
openstack region delete reg
# Credentials
blob=$(openstack credential create --type other -f value -c id admin blob)
# Keystone refuses it: it wants no type in a change
! openstack credential set --user admin --type other --data more $blob
openstack credential list
openstack credential show $blob
openstack credential delete $blob
access=$(OS_CLOUD=demo openstack ec2 credentials create -f value -c access)
OS_CLOUD=demo openstack ec2 credentials list
OS_CLOUD=demo openstack ec2 credentials show $access
OS_CLOUD=demo openstack ec2 credentials delete $access
OS_CLOUD=demo openstack application credential create --access-rules '[{"service": "compute", "method": "GET", "path": "/v2.1/servers"}]' app
OS_CLOUD=demo openstack application credential list
OS_CLOUD=demo openstack application credential show app
rule=$(OS_CLOUD=demo openstack access rule list -f value -c ID)
OS_CLOUD=demo openstack access rule show $rule
OS_CLOUD=demo openstack application credential delete app
OS_CLOUD=demo openstack access rule delete $rule
trustor=$(openstack user show demo -f value -c id)
trustee=$(openstack user show other -f value -c id)
project=$(openstack project show demo -f value -c id)
role=$(openstack role show member -f value -c id)
trust=$(OS_CLOUD=demo openstack trust create --project $project --role $role -f value -c id $trustor $trustee)
OS_CLOUD=demo openstack trust list --auth-user
OS_CLOUD=demo openstack trust show $trust
OS_CLOUD=demo openstack trust delete $trust
openstack policy create --type t rules.json
policy=$(openstack policy list -f value -c ID)
openstack policy set --type t2 $policy
openstack policy show $policy
openstack policy delete $policy
token=$(openstack token issue -f value -c id)
openstack token revoke $token
# Gone again
openstack group delete --domain dom grp
openstack user delete --domain dom ann
openstack project delete --domain dom proj2
openstack domain set --disable dom
openstack domain delete dom
