#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# npm packs a package, installs it with its scripts, runs a script and a program of it.
# image: debian
set -euo pipefail

export npm_config_offline=true npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
mkdir -p /volume/tool /volume/application
cd /volume/tool
cat > package.json <<'J'
{ "name": "ordinary-tool", "version": "1.0.0", "bin": "tool.js",
  "scripts": { "postinstall": "node -e 'require(\"fs\").writeFileSync(\"built\", \"by a script\")'" } }
J
printf '#!/usr/bin/env node\nconsole.log("tool", require("fs").readFileSync(`${__dirname}/built`, "utf8"));\n' > tool.js
npm pack --silent
cd /volume/application
echo '{ "name": "application", "version": "1.0.0", "scripts": { "start": "ordinary-tool | tr a-z A-Z" } }' > package.json
npm install --silent --foreground-scripts=false ../tool/ordinary-tool-1.0.0.tgz
npm exec ordinary-tool
npm run --silent start
npm ci --silent
ls node_modules
