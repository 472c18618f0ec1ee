#!/bin/sh
# Called by udhcpc: prints what the server said, and configures nothing.
[ "$1" = bound ] || exit 0
echo "ip=$ip"; echo "mask=$mask"; echo "router=$router"; echo "dns=$dns"; echo "domain=$domain"; echo "hostname=$hostname"
echo "mtu=$mtu"; echo "staticroutes=$staticroutes"; echo "lease=$lease"; echo "serverid=$serverid"
echo "bootfile=$bootfile"; echo "tftp=$tftp"
