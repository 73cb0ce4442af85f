// SPDX-License-Identifier: Apache-2.0
// The images as they are built and run. No BPF program is loaded.
import { execFile } from "node:child_process";
import { globSync, lstatSync, mkdtempDisposableSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import manifest from "../package.json" with { type: "json" };
import { type BuiltImage, buildImages } from "../src/build-images.ts";
import { IMAGES } from "../src/images.ts";
import { imageSizeBytes } from "../src/oci/index.ts";
import { isIsolated, runInImage, type UnpackedImage, unpackImage } from "./run-in-image.ts";

const ROOT = join(import.meta.dirname, "../../..");
const LIMIT_BYTES = 80e6;
const work = mkdtempDisposableSync(join(tmpdir(), "gander-images-"));
const images = new Map<string, BuiltImage & UnpackedImage>();
const image = (name: string) => {
  const found = images.get(name);
  if (found === undefined) throw new Error(`There is no image ${name}`);
  return found;
};

async function build(output: string): Promise<readonly BuiltImage[]> {
  const cache = process.env.GANDER_CACHE ?? join(process.env.HOME ?? "", ".cache/gander");
  return buildImages({ root: ROOT, cache, output, repository: "localhost/gander" });
}

beforeAll(async () => {
  await promisify(execFile)(join(ROOT, "scripts/setup"), ["image"]);
  const built = await build(join(work.path, "first"));
  for (const [index, { name }] of IMAGES.entries()) {
    const one = built[index];
    if (one === undefined) throw new Error(`${name} was not built`);
    images.set(name, { ...one, ...unpackImage(one.archive, join(work.path, name)) });
  }
}, 600_000);
afterAll(() => work.remove());

describe.each(IMAGES)("the image of the $name", ({ name, program, run }) => {
  it("is small", () => expect(imageSizeBytes(image(name).image)).toBeLessThan(LIMIT_BYTES));

  it("runs as its user, without a word", () => {
    const [command = ""] = image(name).config.Entrypoint;
    const { status, stdout, stderr } = runInImage(image(name), [command, "--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`Usage: ${program.name}`);
  });

  it.runIf(isIsolated)("runs on a read-only file system", () => {
    const script = `const { writeFileSync } = require("node:fs");
      for (const path of ["/x", "/usr/local/lib/gander/x"])
        try { writeFileSync(path, ""); } catch ({ code }) { console.log(process.getuid(), code); }`;
    const written = runInImage(image(name), ["/usr/local/lib/gander/node", "--eval", script]);
    expect(written.stdout).toBe(`${Number.parseInt(run.User ?? "", 10)} EROFS\n`.repeat(2));
  });

  it("has an SBOM that names what is in it", async () => {
    const text = readFileSync(image(name).sbom, "utf8");
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(text)).toBeNull();
    const broken = text.replace('"type": "container"', '"type": "bottle"');
    expect(await validator.validate(broken)).not.toBeNull();

    const { metadata, components } = JSON.parse(text);
    expect(metadata.component.purl).toContain(
      encodeURIComponent(image(name).image.manifest.descriptor.digest),
    );
    const purls: readonly string[] = components.map((one: { readonly purl: string }) => one.purl);
    expect(new Set(purls).size).toBe(purls.length);
    expect(purls).toContain(`pkg:generic/node@${process.versions.node}`);
    expect(purls).toContain("pkg:npm/%40grpc/grpc-js@1.14.7");
    expect(purls.filter((purl) => purl.startsWith("pkg:deb/debian/libc6@2."))).toHaveLength(1);
    expect(purls.some((purl) => purl.includes("/libbpf@"))).toBe(name === "sensor");
    for (const { licenses } of components) expect(licenses[0].expression).toMatch(/^[A-Z0-9(]/);
  });

  it("has the licence of everything", () => {
    const { root, sbom } = image(name);
    const texts = readFileSync(join(root, "usr/share/doc/gander/third-party-licenses.txt"), "utf8");
    for (const { name: part, version, purl } of JSON.parse(readFileSync(sbom, "utf8")).components)
      if (purl.startsWith("pkg:npm/"))
        expect(`\n${texts}`.includes(`\n${part} ${version}: `), purl).toBe(true);
    for (const debian of globSync("var/lib/dpkg/status.d/*", { cwd: root }))
      expect(
        readFileSync(
          join(root, "usr/share/doc", debian.split("/").at(-1) ?? "", "copyright"),
          "utf8",
        ),
      ).toContain("opyright");
    expect(readFileSync(join(root, "usr/share/doc/node/LICENSE"), "utf8")).toContain("Node.js");
  });

  it("is what the Containerfile builds", () => {
    const stages = readFileSync(join(ROOT, "Containerfile"), "utf8").split(/^FROM /m);
    const own = stages.find((text) => text.startsWith(`base AS ${name}\n`)) ?? "";
    const base = stages.find((text) => text.startsWith("scratch AS base\n")) ?? "";
    const { config } = image(name);
    const { run } = IMAGES.find((plan) => plan.name === name) ?? {};
    expect(base.match(/^ENV .*/gm)).toEqual(config.Env.map((one) => `ENV ${one}`));
    expect(base.match(/^COPY .*/gm)).toEqual(
      ["base", "node"].map((layer) => `COPY build/image/layers/${layer}/ /`),
    );
    const json = (words: readonly string[] = []) =>
      `[${words.map((one) => `"${one}"`).join(", ")}]`;
    expect(own.match(/^[A-Z]+ .*/gm)).toEqual([
      `COPY build/image/layers/${name}/ /`,
      `USER ${config.User}`,
      `ENTRYPOINT ${json(config.Entrypoint)}`,
      ...(run?.Cmd === undefined ? [] : [`CMD ${json(run.Cmd)}`]),
    ]);
  });
});

describe("both images", () => {
  it("hold these programs and no others", () => {
    const programs = (name: string) => {
      const { root } = image(name);
      return globSync("**", { cwd: root }).filter((path) => {
        const status = lstatSync(join(root, path));
        return status.isFile() && (status.mode & 0o111) !== 0 && !/\.(so|node)\b/.test(path);
      });
    };
    const library = "usr/local/lib/gander";
    expect(programs("sensor").sort()).toEqual(
      ["gander.mjs", "lib/act", "lib/let-go", "lib/read-files", "node"].map((path) =>
        join(library, path),
      ),
    );
    expect(programs("operator").sort()).toEqual(
      [`${library}/gander-operator.mjs`, `${library}/node`].sort(),
    );
  });

  it("have only what their program opens", () => {
    const files = (name: string, pattern: string) =>
      globSync(pattern, { cwd: join(image(name).root, "usr/local/lib/gander") });
    expect(files("sensor", "{bpf/*.bpf.o,lib/libbpf.node}")).toHaveLength(5);
    expect(
      files("operator", "{bpf/**,lib/*.node,lib/read-files,lib/let-go,lib/act,policies/**}"),
    ).toEqual([]);
    expect(files("sensor", "policies/*/*/policy.yaml").length).toBeGreaterThan(40);
    for (const name of ["sensor", "operator"]) expect(files(name, "**/*.map")).toEqual([]);
  });

  it("share their lower layers", () => {
    const layers = IMAGES.map(({ name }) => image(name).image.layers.map(({ diffId }) => diffId));
    expect(layers[0]?.slice(0, 2)).toEqual(layers[1]?.slice(0, 2));
    expect(layers[0]?.[2]).not.toBe(layers[1]?.[2]);
  });

  it("run as the users that the chart names", () => {
    const userOf = (template: string) => {
      const text = readFileSync(join(ROOT, "charts/gander/templates", template), "utf8");
      return /runAsUser: (\d+)/.exec(text)?.[1];
    };
    expect(image("operator").config.User).toBe(`${userOf("operator.yaml")}:65532`);
    expect(image("sensor").config.User).toBe(`${userOf("sensor.yaml")}:0`);
  });

  it("have the version of the chart", () => {
    const text = readFileSync(join(ROOT, "charts/gander/Chart.yaml"), "utf8");
    expect(parseAllDocuments(text)[0]?.toJS().appVersion).toBe(manifest.version);
    expect(image("sensor").image.name).toBe(`localhost/gander/sensor:${manifest.version}`);
  });

  it("are the same when they are built elsewhere, another time, by someone with other settings", async () => {
    const { env } = process;
    const [umask, cwd, settings] = [process.umask(0o077), process.cwd(), { ...env }];
    try {
      process.chdir("/");
      Object.assign(env, {
        TZ: "Asia/Tokyo",
        LANG: "de_DE.UTF-8",
        HOME: "/",
        SOURCE_DATE_EPOCH: "1",
      });
      const output = join(work.path, "a/second/folder");
      env.GANDER_CACHE ??= join(settings.HOME ?? "", ".cache/gander");
      const again = await build(output);
      for (const [index, { name }] of IMAGES.entries()) {
        expect(again[index]?.image.manifest.descriptor).toEqual(
          image(name).image.manifest.descriptor,
        );
        const [one, other] = [image(name), again[index]];
        for (const file of ["archive", "sbom"] as const)
          expect(readFileSync(other?.[file] ?? "").equals(readFileSync(one[file])), file).toBe(
            true,
          );
      }
      rmSync(output, { recursive: true });
    } finally {
      process.umask(umask);
      process.chdir(cwd);
      Object.assign(env, { ...settings });
    }
  }, 600_000);
});

describe("the sensor's image", () => {
  it("has the command line, as kubectl exec starts it", () => {
    const version = runInImage(image("sensor"), ["gander", "--version"]);
    expect(version).toEqual({ status: 0, stdout: `gander ${manifest.version}\n`, stderr: "" });
    const status = runInImage(image("sensor"), ["gander", "status"]);
    expect(status.status).toBe(1);
    expect(status.stderr).toContain("there is no such socket");
  });

  it("can load the native binding, its reader of files and the one that lets go", () => {
    const script = `const native = { exports: {} };
      process.dlopen(native, "/usr/local/lib/gander/lib/libbpf.node");
      const { spawnSync } = require("node:child_process");
      const { error } = spawnSync("/usr/local/lib/gander/lib/read-files", ["10"], { input: "" });
      const letGo = spawnSync("/usr/local/lib/gander/lib/let-go", []);
      console.log(Object.keys(native.exports).length > 10, error, letGo.status);`;
    const { stdout, stderr } = runInImage(image("sensor"), [
      ...["/usr/local/lib/gander/node", "--eval", script],
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: "true undefined 2\n", stderr: "" });
  });

  it("opens no debugger's port when it gets SIGUSR1", () => {
    const { root } = image("sensor");
    const first = readFileSync(join(root, "usr/local/lib/gander/gander.mjs"), "utf8").split(
      "\n",
    )[0];
    expect(first).toBe("#!/usr/local/lib/gander/node --disable-sigusr1");
  });
});

describe("the operator's image", () => {
  it("says what it misses outside of a cluster", () => {
    const { status, stderr } = runInImage(image("operator"), ["gander-operator"]);
    expect(status).toBe(1);
    expect(JSON.parse(stderr).error.code).toBe("kube-configuration");
  });
});
