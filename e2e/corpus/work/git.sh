#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# git: clones, commits with hooks, branches, collects garbage.
# image: debian
set -euo pipefail

export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git init -q -b main /volume/project && cd /volume/project
printf '#!/bin/sh\necho hook >> /tmp/hooks\n' > .git/hooks/pre-commit
chmod 755 .git/hooks/pre-commit
for number in 1 2 3; do
  seq $((number * 1000)) > "file-$number"
  git add .
  git commit -q -m "change $number"
done
git checkout -q -b other HEAD~1
echo other > other && git add . && git commit -q -m other
git checkout -q main && git merge -q --no-edit other
git clone -q /volume/project /tmp/clone
git gc -q
git -C /tmp/clone log --format=%s | sort
git archive HEAD | tar -t
wc -l < /tmp/hooks
