#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ssh: keys are made, a server runs commands, sessions with a terminal, sftp, rsync and git.
# image: debian
set -euo pipefail

mkdir -p /run/sshd /root/.ssh
chmod 700 /root/.ssh
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
/usr/sbin/sshd -p 2222 -o PermitRootLogin=yes -o PrintMotd=no -o PrintLastLog=no
printf 'Host pod\n  HostName 127.0.0.1\n  Port 2222\n  StrictHostKeyChecking no\n  LogLevel ERROR\n' > /root/.ssh/config
ssh pod 'echo by a command; id -un'
echo through a pipe | ssh pod cat
ssh -tt pod 'test -t 0 && echo a terminal' < /dev/null | tr -d '\r'
echo content > /tmp/sent
scp -q /tmp/sent pod:/tmp/received
cat /tmp/received
mkdir -p /tmp/tree && echo a > /tmp/tree/file
rsync -a /tmp/tree/ pod:/tmp/tree-copy/
cat /tmp/tree-copy/file
git init -q --bare /srv/project.git
git clone -q pod:/srv/project.git /tmp/project 2> /dev/null
cd /tmp/project
git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
git push -q origin HEAD
git -C /srv/project.git log --format=%s
