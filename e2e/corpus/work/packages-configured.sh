#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An image is built: dpkg configures all of its packages, with their scripts.
# image: debian
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
# As in other images: there is no init system that would start the servers.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
# What debootstrap makes before the first package is configured.
ln -sf mawk /usr/bin/awk
cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
ldconfig
dpkg --configure --force-depends base-passwd base-files libc6:amd64 perl-base debconf dpkg
dpkg --configure --pending
# All are installed.
dpkg-query -W -f '${Status}\n' | sort -u
