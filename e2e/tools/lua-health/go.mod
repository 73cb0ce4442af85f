module gander.dev/e2e/tools/lua-health

go 1.26.0

// The version that Argo CD 3.6 runs health scripts with.
require github.com/yuin/gopher-lua v1.1.2
