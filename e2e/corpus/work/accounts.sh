#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Users and groups are made, a process drops to one of them, files change owners.
set -euo pipefail

groupadd workers
useradd -m -g workers worker
su worker -c id | sed 's/[0-9]//g'
runuser -u worker -- sh -c 'echo mine > /tmp/mine'
chown root:workers /tmp/mine
chmod 640 /tmp/mine
setpriv --reuid worker --regid workers --init-groups cat /tmp/mine
usermod -s /bin/sh worker
userdel -r worker 2> /dev/null
getent passwd worker || echo gone
