#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# logrotate moves and compresses logs, and tells their writer.
# image: debian
set -euo pipefail

cat > /etc/logrotate.d/ordinary <<'C'
/var/log/ordinary.log {
  rotate 3
  compress
  missingok
  create 640 root adm
  postrotate
    kill -HUP "$(cat /run/writer.pid)"
  endscript
}
C
( trap 'echo reopened > /tmp/reopened' HUP; trap 'exit 0' TERM; for i in $(seq 600); do sleep 0.1; done ) &
echo $! > /run/writer.pid
seq 1000 > /var/log/ordinary.log
logrotate --force /etc/logrotate.d/ordinary
for i in $(seq 100); do [ ! -e /tmp/reopened ] || break; sleep 0.1; done
cat /tmp/reopened
kill "$(cat /run/writer.pid)"
zcat /var/log/ordinary.log.1.gz | wc -l
