#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Redis: keys are written, saved by a forked process and read again.
# image: debian
set -euo pipefail

redis-server --port 6390 --dir /volume --save '' --daemonize yes --logfile /volume/redis.log > /dev/null
until redis-cli -p 6390 ping > /dev/null 2>&1; do sleep 0.2; done
redis-cli -p 6390 set key value
redis-cli -p 6390 eval "for i = 1, 1000 do redis.call('rpush', 'list', i) end return redis.call('llen', 'list')" 0
redis-cli -p 6390 save
redis-cli -p 6390 shutdown nosave
ls /volume/*.rdb
