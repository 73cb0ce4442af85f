#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A shell script uses the tools of every image: searches, sorts, archives, compresses.
set -euo pipefail

find /usr/share -type f | sort > /tmp/files
test "$(wc -l < /tmp/files)" -gt 100 && echo found
grep -rl root /etc > /tmp/matches
awk -F: '$3 == 0 { print $1 }' /etc/passwd
mkdir -p /tmp/tree && cp -r /etc/. /tmp/tree
tar -C /tmp -czf /volume/tree.tar.gz tree
mkdir /tmp/copy && tar -C /tmp/copy -xzf /volume/tree.tar.gz
diff -r --no-dereference /tmp/tree /tmp/copy/tree && echo same
seq 10000 | xz -c | xz -dc | tail -n 1
echo one two three | xargs -n 1 | sed 's/o/0/' | paste -sd,
env -i sh -c 'exec sh -c "echo nested"'
mkfifo /tmp/pipe && { echo through a fifo > /tmp/pipe & } && cat /tmp/pipe
ps -e > /dev/null
cat /proc/cpuinfo /proc/meminfo /proc/self/mountinfo > /dev/null
flock /tmp/lock echo locked
timeout 5 true && echo in time
mktemp > /dev/null
rm -rf /tmp/tree /tmp/copy
