// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createImage, imageSizeBytes, packLayer, writeArchive } from "./index.ts";

const folder = () => mkdtempDisposableSync(join(tmpdir(), "gander-oci-"));
const sha256 = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** The same tree whatever the order in which it is written, and the times. */
function writeTree(directory: string, order: "forwards" | "backwards", seconds: number): void {
  const long = `long/${"n".repeat(120)}/${"m".repeat(90)}`;
  const files = { "b/two": "2", "b/one": "1", "b.txt": "b", a: "", [long]: "l", ü: "u" };
  mkdirSync(join(directory, "b"));
  mkdirSync(join(directory, "long", "n".repeat(120)), { recursive: true });
  const names = Object.entries(files);
  for (const [name, text] of order === "forwards" ? names : names.reverse()) {
    writeFileSync(join(directory, name), text);
    utimesSync(join(directory, name), seconds, seconds);
    chmodSync(join(directory, name), name === "b/one" ? 0o755 : 0o644);
  }
  symlinkSync("b/one", join(directory, "link"));
  for (const name of ["b", "long", `long/${"n".repeat(120)}`])
    chmodSync(join(directory, name), 0o755);
}

describe("a layer", () => {
  it("has what is in the folder, as tar sees it", async () => {
    using source = folder();
    using target = folder();
    writeTree(source.path, "forwards", 1e9);
    const { blob, diffId } = await packLayer(source.path, "test");
    const tar = gunzipSync(blob.bytes);
    expect(diffId).toBe(sha256(tar));
    expect(blob.descriptor).toEqual({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: sha256(blob.bytes),
      size: blob.bytes.length,
    });
    execFileSync("tar", ["-x", "-p", "-C", target.path], { input: tar });
    execFileSync("diff", ["--recursive", "--no-dereference", source.path, target.path]);
    const listing = execFileSync("tar", ["-tv", "--utc", "--numeric-owner"], { input: tar });
    const lines = listing.toString().trim().split("\n");
    expect(lines.length).toBe(10);
    for (const line of lines) expect(line).toMatch(/ 0\/0 +\d+ 1970-01-01 00:00 /);
    expect(lines.find((line) => line.endsWith(" b/one"))).toMatch(/^-rwxr-xr-x /);
    expect(lines.find((line) => line.endsWith(" b/two"))).toMatch(/^-rw-r--r-- /);
    expect(lines.find((line) => line.includes(" link "))).toMatch(/^lrwxrwxrwx .* -> b\/one$/);
  });

  it("is the same whenever and in which order its files were written", async () => {
    using one = folder();
    using other = folder();
    writeTree(one.path, "forwards", 1e9);
    writeTree(other.path, "backwards", 1.5e9);
    const [a, b] = [await packLayer(one.path, "a"), await packLayer(other.path, "b")];
    expect(a.blob.descriptor).toEqual(b.blob.descriptor);
    chmodSync(join(other.path, "a"), 0o755);
    const changed = await packLayer(other.path, "b");
    expect(changed.diffId).not.toBe(a.diffId);
  });

  it("has files, folders and links only", async () => {
    using source = folder();
    execFileSync("mkfifo", [join(source.path, "pipe")]);
    await expect(packLayer(source.path, "test")).rejects.toThrow(/pipe is neither a file/);
  });
});

describe("an archive", () => {
  it("is an OCI image layout in which every digest and size is right", async () => {
    using source = folder();
    using target = folder();
    writeTree(source.path, "forwards", 1e9);
    const layer = await packLayer(source.path, "all of it");
    const run = { User: "65532:65532", Entrypoint: ["x"], Env: ["A=b"], Labels: { a: "b" } };
    const image = createImage({ name: "localhost/x/y:1.0", run, layers: [layer] });
    const file = join(target.path, "x.tar");
    await writeArchive(file, image);
    execFileSync("tar", ["-x", "-C", target.path, "-f", file]);
    const read = (name: string) => readFileSync(join(target.path, name));
    const json = (name: string) => JSON.parse(read(name).toString());
    /** The content that a descriptor names, after its digest and size were compared. */
    const blob = ({ digest, size }: { readonly digest: string; readonly size: number }) => {
      const bytes = read(`blobs/${digest.replace(":", "/")}`);
      expect(sha256(bytes)).toBe(digest);
      expect(bytes.length).toBe(size);
      return bytes;
    };

    expect(json("oci-layout")).toEqual({ imageLayoutVersion: "1.0.0" });
    const index = json("index.json");
    expect(index.mediaType).toBe("application/vnd.oci.image.index.v1+json");
    expect(index.manifests).toHaveLength(1);
    expect(index.manifests[0]).toMatchObject({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      platform: { os: "linux", architecture: "amd64" },
      annotations: { "io.containerd.image.name": "localhost/x/y:1.0" },
    });
    const manifest = JSON.parse(blob(index.manifests[0]).toString());
    expect(manifest.schemaVersion).toBe(2);
    expect(manifest.config.mediaType).toBe("application/vnd.oci.image.config.v1+json");
    const config = JSON.parse(blob(manifest.config).toString());
    expect(config).toMatchObject({ os: "linux", architecture: "amd64", config: run });
    expect(config.history).toHaveLength(1);
    const diffIds = manifest.layers.map((one: { readonly digest: string; readonly size: number }) =>
      sha256(gunzipSync(blob(one))),
    );
    expect(config.rootfs).toEqual({ type: "layers", diff_ids: diffIds });
    expect(diffIds).toEqual([layer.diffId]);
    const [forDocker] = json("manifest.json");
    expect(forDocker.RepoTags).toEqual(["localhost/x/y:1.0"]);
    expect(sha256(read(forDocker.Config))).toBe(manifest.config.digest);
    expect(forDocker.Layers.map((name: string) => sha256(read(name)))).toEqual(
      manifest.layers.map((one: { readonly digest: string }) => one.digest),
    );
    expect(imageSizeBytes(image)).toBe(
      index.manifests[0].size + manifest.config.size + manifest.layers[0].size,
    );
  });

  it("holds a layer once that an image has twice, and is the same each time", async () => {
    using source = folder();
    using target = folder();
    writeTree(source.path, "forwards", 1e9);
    const layer = await packLayer(source.path, "test");
    const image = createImage({ name: "localhost/x:1", run: {}, layers: [layer, layer] });
    const files = ["a.tar", "b.tar"].map((name) => join(target.path, name));
    for (const file of files) await writeArchive(file, image);
    const [a, b] = files.map((file) => readFileSync(file));
    expect(a).toEqual(b);
    const names = execFileSync("tar", ["-t"], { input: a }).toString().trim().split("\n");
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => /sha256\/./.test(name))).toHaveLength(3);
  });
});
