#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What looks at the whole system: searches, archives, checksums, package checks.
# image: debian
set -euo pipefail

find / -xdev -name '*.conf' > /tmp/found
test "$(wc -l < /tmp/found)" -gt 20 && echo found
grep -rIl localhost /etc | grep -c '/etc/hosts$' || true
tar -C / -cf - etc usr/sbin | tar -x -C /tmp
diff -r /usr/sbin /tmp/usr/sbin && echo same
find /usr/bin -type f -print0 | xargs -0 sha256sum | wc -l > /dev/null
cp -a /etc /volume/etc-backup
dpkg --verify coreutils > /dev/null && echo verified
top -b -n 1 | head -n 1 > /dev/null
ps aux > /dev/null
df > /dev/null
du -sh /usr/share > /dev/null 2>&1
cat /proc/meminfo /proc/self/status /proc/mounts > /dev/null
sysctl -a > /dev/null 2>&1 || true
vim.tiny -es -c 'normal ihello' -c 'wq' /tmp/edited < /dev/null || true
cat /tmp/edited
openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/key -out /tmp/certificate -subj /CN=localhost -days 1 2> /dev/null
openssl verify -CAfile /tmp/certificate /tmp/certificate
