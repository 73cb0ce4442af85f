// SPDX-License-Identifier: Apache-2.0
// Writes dist/: both programs, each as one module (and what it loads when it is needed), the native binding
// the BPF objects and the policy library beside them. It runs where it is put, under Node 24 and without node_modules. More
// programs can be added that share its parts: bundle.ts NAME=ENTRY…, below the root of the repository.
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bundleModules } from "./bundle-modules.ts";

const root = join(import.meta.dirname, "../../..");
const dist = join(root, "dist");

const others = Object.fromEntries(
  process.argv.slice(2).map((argument) => {
    const [name = "", entry = ""] = argument.split("=");
    return [name, join(root, entry)];
  }),
);

rmSync(dist, { recursive: true, force: true });
mkdirSync(join(dist, "bpf"), { recursive: true });
const outputs = await bundleModules({
  entries: {
    gander: join(root, "packages/cli/src/main.ts"),
    "gander-operator": join(root, "packages/operator/src/main.ts"),
    ...others,
  },
  directory: dist,
  sourceMaps: "linked",
});

copy(join(root, "packages/libbpf/build/libbpf.node"), join(dist, "lib"));
for (const name of ["read-files", "let-go"])
  copy(join(root, "packages/sensor/native/build", name), join(dist, "lib"));
for (const object of globSync(join(root, "bpf/build/*.bpf.o"))) copy(object, join(dist, "bpf"));
for (const name of ["act", "machine-init"])
  copy(join(root, "packages/policy-test/native/build", name), join(dist, "lib"));
cpSync(join(root, "policies"), join(dist, "policies"), { recursive: true });
copy(join(root, "LICENSE"), dist);
writeFileSync(join(dist, "node.path"), `${process.execPath}\n`);
for (const name of ["gander", "gander-operator"]) chmodSync(join(dist, `${name}.mjs`), 0o755);
const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(
  `dist/gander.mjs, dist/gander-operator.mjs and ${Object.keys(outputs).length} files beside them, ${(bytes / 1e6).toFixed(1)} MB\n`,
);

function copy(file: string, directory: string): void {
  if (!existsSync(file)) throw new Error(`${file} is not built yet: run make build`);
  cpSync(file, join(directory, basename(file)));
}
