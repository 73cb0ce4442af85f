#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sudo and su: other users, logins, passwords are changed.
# image: debian
set -euo pipefail

useradd -m -s /bin/bash -G sudo worker
echo 'worker ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/worker
chmod 440 /etc/sudoers.d/worker
su worker -c 'sudo -n id -un'
su - worker -c 'echo "$HOME"; sudo -n -i sh -c "cd; pwd"'
echo worker:secret | chpasswd
passwd -S worker | cut -d' ' -f1,2
sudo -u worker env | grep ^SUDO_COMMAND
usermod -aG users worker
chage -M 90 worker
userdel -r worker 2> /dev/null
