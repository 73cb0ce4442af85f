#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cron runs a job of root and one of a user.
# image: debian
set -euo pipefail

echo '* * * * * root date > /tmp/by-root' > /etc/cron.d/ordinary
useradd -m worker
printf '* * * * * sh -c "id -un > /tmp/by-worker"\n' | crontab -u worker -
cron
for second in $(seq 150); do
  [ ! -s /tmp/by-root ] || [ ! -s /tmp/by-worker ] || break
  sleep 1
done
cat /tmp/by-worker
[ -s /tmp/by-root ] && echo done
run-parts --test /etc/cron.daily | wc -l
