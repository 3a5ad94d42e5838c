#!/bin/bash
# Run as root of new user, mount, network and process namespaces: makes the folder $1 a phone's
# root, in which the kernel runs Arm programs by the emulator $2. All of it ends with this shell.
set -eu
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ":phone:M::$magic:$mask:$2:F" > /proc/sys/fs/binfmt_misc/register
ip link set lo up
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount --bind "$1/etc/phone-cpuinfo" "$1/proc/cpuinfo"
echo ready
exec sleep infinity
