#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# apt installs a package from a repository and removes it again; dpkg builds it before.
# image: debian
set -euo pipefail

mkdir -p /tmp/tool/DEBIAN /tmp/tool/usr/bin /tmp/tool/etc/tool
cat > /tmp/tool/DEBIAN/control <<'C'
Package: ordinary-tool
Version: 1.0
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: does nothing special
C
printf '#!/bin/sh\necho tool\n' > /tmp/tool/usr/bin/ordinary-tool
printf 'setting=1\n' > /tmp/tool/etc/tool/tool.conf
printf '/etc/tool/tool.conf\n' > /tmp/tool/DEBIAN/conffiles
printf '#!/bin/sh\nset -e\nadduser --system --quiet --group ordinary-tool\n' > /tmp/tool/DEBIAN/postinst
chmod 755 /tmp/tool/usr/bin/ordinary-tool /tmp/tool/DEBIAN/postinst
mkdir -p /srv/repository
dpkg-deb --build --root-owner-group /tmp/tool /srv/repository/ordinary-tool_1.0_all.deb > /dev/null
cd /srv/repository
{ cat /tmp/tool/DEBIAN/control; echo "Filename: ./ordinary-tool_1.0_all.deb"
  echo "Size: $(stat -c %s ordinary-tool_1.0_all.deb)"; echo "SHA256: $(sha256sum ordinary-tool_1.0_all.deb | cut -d' ' -f1)"; } > Packages
rm -f /etc/apt/sources.list.d/* /etc/apt/sources.list
echo "deb [trusted=yes] file:/srv/repository ./" > /etc/apt/sources.list
apt-get -qq update
apt-get -qq install ordinary-tool > /dev/null
ordinary-tool
dpkg -s ordinary-tool | grep ^Status
apt-get -qq purge ordinary-tool > /dev/null
! dpkg -s ordinary-tool 2> /dev/null
