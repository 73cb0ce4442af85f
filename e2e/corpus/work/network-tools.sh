#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Connections by nc, socat and curl, addresses and sockets are listed, a port is forwarded.
set -euo pipefail

seq 100 > /tmp/numbers
nc -lN 127.0.0.1 9001 < /tmp/numbers > /dev/null &
for i in $(seq 50); do ! ss -tln | grep -q :9001 || break; sleep 0.1; done
nc -d 127.0.0.1 9001 | tail -n 1
printf 'HTTP/1.0 200 OK\r\n\r\nserved\n' > /tmp/answer
socat -U TCP-LISTEN:9002,reuseaddr,fork,bind=127.0.0.1 OPEN:/tmp/answer,rdonly &
for i in $(seq 50); do ! ss -tln | grep -q :9002 || break; sleep 0.1; done
socat TCP-LISTEN:9003,reuseaddr,fork,bind=127.0.0.1 TCP:127.0.0.1:9002 &
for i in $(seq 50); do ! ss -tln | grep -q :9003 || break; sleep 0.1; done
curl -s --http0.9 http://127.0.0.1:9003/ | tail -n 1
ping -c 1 -q 127.0.0.1 | grep -c '1 received'
ip route > /dev/null
kill $(jobs -p) 2> /dev/null || true
