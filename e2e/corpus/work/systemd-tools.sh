#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# systemd-tmpfiles, systemd-sysusers and journald's tools, as scripts of packages run them.
# image: debian
set -euo pipefail

printf 'd /var/lib/ordinary 0750 root root -\nf /var/lib/ordinary/file 0640 root root - content\nL /tmp/link - - - - /var/lib/ordinary\n' > /etc/tmpfiles.d/ordinary.conf
systemd-tmpfiles --create --remove ordinary.conf
cat /var/lib/ordinary/file
systemd-tmpfiles --create > /dev/null 2>&1 || true
mkdir -p /etc/sysusers.d
printf 'u ordinary - "an ordinary user" /var/lib/ordinary\n' > /etc/sysusers.d/ordinary.conf
systemd-sysusers ordinary.conf 2> /dev/null
id -un ordinary
systemctl --root=/ is-enabled cron.service
systemd-escape 'a b'
systemd-id128 new | wc -c
