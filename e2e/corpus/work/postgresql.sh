#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL: a database is made, filled and queried, dumped and restored.
# image: debian
set -euo pipefail

bin=$(echo /usr/lib/postgresql/*/bin)
mkdir -p /volume/postgresql /run/postgresql
chown postgres: /volume/postgresql /run/postgresql
as_postgres() { su postgres -s /bin/sh -c "$*"; }
as_postgres "$bin/initdb -D /volume/postgresql -A trust" > /dev/null
as_postgres "$bin/pg_ctl -D /volume/postgresql -w -t 300 -l /volume/postgresql/log start" > /dev/null
as_postgres "$bin/createdb shop"
as_postgres "$bin/pgbench -q -i -s 1 shop" 2> /dev/null
as_postgres "$bin/pgbench -n -c 2 -t 20 shop" | grep 'actually processed'
as_postgres "psql -At -h 127.0.0.1 shop -c 'set jit_above_cost = 0; select count(*), sum(aid) from pgbench_accounts'"
as_postgres "psql -At shop -c \"copy (select 1) to program 'cat > /tmp/copied'\""
cat /tmp/copied
as_postgres "pg_dump -Fc shop > /tmp/shop.dump && $bin/createdb copy && pg_restore -d copy /tmp/shop.dump"
as_postgres "psql -At copy -c 'select count(*) from pgbench_accounts'"
as_postgres "$bin/pg_ctl -D /volume/postgresql -w -t 300 stop" > /dev/null
