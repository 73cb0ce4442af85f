#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# nginx serves files and forwards requests; it is loaded, reopens its logs and is stopped.
# image: debian
set -euo pipefail

cat > /etc/nginx/nginx.conf <<'C'
user www-data;
worker_processes 2;
pid /run/nginx.pid;
events { worker_connections 256; }
http {
  access_log /var/log/nginx/access.log;
  sendfile on;
  server { listen 127.0.0.1:8080; root /var/www/html; location /api { proxy_pass http://127.0.0.1:8081; } }
  server { listen 127.0.0.1:8081; location / { return 200 "from behind\n"; } }
}
C
mkdir -p /var/www/html
chown www-data: /var/log/nginx
seq 1 10000 > /var/www/html/numbers
echo hello > /var/www/html/index.html
nginx -t 2> /dev/null
nginx
curl -s http://127.0.0.1:8080/
curl -s http://127.0.0.1:8080/api
ab -q -n "${AMOUNT:-300}" -c 4 http://127.0.0.1:8080/numbers | grep -E '^(Complete|Failed|Non-2xx)'
mv /var/log/nginx/access.log /var/log/nginx/access.log.1
nginx -s reopen
nginx -s reload
curl -s http://127.0.0.1:8080/
nginx -s quit
while [ -e /run/nginx.pid ]; do sleep 0.1; done
