#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A person's session, as by kubectl exec: a terminal, a look around, a file is edited.
set -euo pipefail

cat > /tmp/typed <<'T'
test -t 0 && echo a terminal
id -un
ls -la / > /dev/null
cat /etc/hosts > /dev/null
env > /dev/null
cat /proc/1/cmdline > /dev/null
ls -l /proc/1/ > /dev/null
ps auxww > /dev/null
ip address > /dev/null
ss -tlnp > /dev/null
sed -i s/content/changed/ /tmp/edited
kill -0 1
exit
T
echo content > /tmp/edited
socat -u EXEC:'bash --noprofile --norc /tmp/typed',pty,setsid,ctty,stderr STDOUT | tr -d '\r'
cat /tmp/edited
