module gander.dev/e2e/tools/kustomize

go 1.26.8
