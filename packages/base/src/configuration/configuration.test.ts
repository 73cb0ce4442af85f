// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfigurationFiles } from "./configuration-files.ts";
import type { ConfigurationSources } from "./configuration-table.ts";
import { defineConfiguration } from "./define-configuration.ts";

const configuration = defineConfiguration({
  command: "gander run",
  summary: "Watches this machine.",
  positionals: { placeholder: "DIR…", help: "Directories.", min: 0, max: 2 },
  examples: ["gander run --policies ."],
  options: {
    "export-filename": {
      type: "text",
      default: "",
      help: "File for events.",
      group: "Export",
      placeholder: "PATH",
    },
    output: {
      type: "text",
      default: "compact",
      values: ["compact", "json"],
      short: "o",
      help: "Format.",
    },
    policies: {
      type: "list",
      default: [],
      help: "Policy directories.",
      aliases: ["tracing-policy-dir"],
    },
    filter: { type: "list", default: [], commas: "keep", help: "JSON filters." },
    backups: { type: "number", default: 5, min: 0, max: 100, help: "Old files kept." },
    follow: { type: "boolean", default: true, help: "Stay.", flagOnly: true },
    quiet: { type: "boolean", default: false, short: "q", help: "Say little." },
    interval: { type: "duration", default: 60_000, help: "Pause." },
    "ring-size": { type: "size", default: 8 * 1024 ** 2, min: 4096, help: "Room for records." },
  },
});

const load = (argv: string, more: Partial<ConfigurationSources> = {}) =>
  configuration.load({ argv: argv.split(" ").filter((word) => word !== ""), env: {}, ...more });

describe("values", () => {
  it.each([
    [
      "",
      {
        output: "compact",
        policies: [],
        backups: 5,
        follow: true,
        interval: 60_000,
        ringSize: 8388608,
      },
    ],
    ["--output json", { output: "json" }],
    ["--output=json", { output: "json" }],
    ["-o json -q", { output: "json", quiet: true }],
    ["--policies a,b --policies c", { policies: ["a", "b", "c"] }],
    ["--tracing-policy-dir a", { policies: ["a"] }],
    ['--filter {"a":1,"b":2} --filter x', { filter: ['{"a":1,"b":2}', "x"] }],
    ["--no-follow", { follow: false }],
    ["--follow=false", { follow: false }],
    ["--interval 1h30m", { interval: 5_400_000 }],
    ["--interval 5", { interval: 5000 }],
    ["--ring-size 64Ki", { ringSize: 65536 }],
    ["--export-filename /x=y", { exportFilename: "/x=y" }],
  ])("%s", (argv, expected) => {
    expect(load(argv).value?.values).toMatchObject(expected);
  });

  it("takes flags over environment over files over defaults, and says which", () => {
    const files = [
      { option: "output", texts: ["json"], origin: "f" },
      { option: "backups", texts: ["7"], origin: "f" },
      { option: "interval", texts: ["1s"], origin: "f" },
    ];
    const env = { GANDER_BACKUPS: "8", GANDER_INTERVAL: "2s", GANDER_FOLLOW: "false" };
    const { value } = load("--interval 3s", { files, env });
    expect(value?.values).toMatchObject({
      output: "json",
      backups: 8,
      interval: 3000,
      follow: true,
      quiet: false,
    });
    expect(value?.origins).toMatchObject({
      output: "f",
      backups: "GANDER_BACKUPS",
      interval: "--interval",
      quiet: "default",
    });
  });

  it("keeps what follows -- as it is", () => {
    expect(load("a -- --output").value?.positionals).toEqual(["a", "--output"]);
  });
});

describe("problems", () => {
  it.each([
    ["--outptu json", "configuration-unknown-option", 'Did you mean "output"?'],
    ["--output xml", "configuration-bad-value", "Format."],
    ["--backups many", "configuration-bad-value", "Old files kept."],
    ["--backups 101", "configuration-bad-value", "Old files kept."],
    ["--interval soon", "configuration-bad-value", "Pause."],
    ["--ring-size 1", "configuration-bad-value", "Room for records."],
    ["--quiet=maybe", "configuration-bad-value", "Say little."],
    ["--export-filename", "configuration-bad-value", "File for events."],
    ["a b c", "configuration-arguments", "See --help."],
  ])("%s", (argv, code, hint) => {
    expect(load(argv).problems).toEqual([expect.objectContaining({ code, hint })]);
  });

  it.each(["toString", "__proto__", "constructor"])(
    "an option %s in a file is unknown",
    (option) => {
      const { problems } = load("", { files: [{ option, texts: ["x"], origin: "f" }] });
      expect(problems).toMatchObject([{ code: "configuration-unknown-option" }]);
    },
  );

  it("names all of them at once, with their origin", () => {
    const env = { GANDER_BACKUPS: "x" };
    const files = [{ option: "follow", texts: ["true"], origin: "/etc/f" }];
    const messages = load("--nope", { env, files }).problems?.map((problem) => problem.message);
    expect(messages).toEqual([
      '--nope: there is no option "nope"',
      '/etc/f: there is no option "follow"',
      'GANDER_BACKUPS: "x" is not a number',
    ]);
  });
});

describe("files", () => {
  it("reads YAML, then the drop-in directory", async () => {
    const directory = await mkdtemp(join(tmpdir(), "gander-"));
    try {
      await writeFile(
        join(directory, "gander.yaml"),
        '{ "output": "json", "policies": ["a", "b"], "backups": 3 }',
      );
      await mkdir(join(directory, "d"));
      await writeFile(join(directory, "d", "backups"), "4\n");
      await writeFile(join(directory, "d", "..data"), "?");
      const read = await readConfigurationFiles(
        { file: join(directory, "gander.yaml"), directory: join(directory, "d") },
        JSON.parse,
      );
      expect(load("", { files: read.value ?? [] }).value?.values).toMatchObject({
        output: "json",
        policies: ["a", "b"],
        backups: 4,
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("does without files that are not there, not without broken ones", async () => {
    expect(
      await readConfigurationFiles({ file: "/nowhere/x", directory: "/nowhere" }, JSON.parse),
    ).toEqual({ value: [] });
    const broken = await readConfigurationFiles({ file: import.meta.filename }, JSON.parse);
    expect(broken.problems).toEqual([expect.objectContaining({ code: "configuration-file" })]);
  });
});

describe("help", () => {
  it("names each option once, with its default", () => {
    expect(configuration.help(100)).toMatchInlineSnapshot(`
      "Watches this machine.

      Usage: gander run [OPTIONS] DIR…

      Arguments:
        DIR…                              Directories.

      Export:
            --export-filename PATH        File for events.

      Options:
        -o, --output compact|json         Format. [default: compact]
            --policies LIST               Policy directories.
            --filter LIST                 JSON filters.
            --backups NUMBER              Old files kept. [default: 5]
            --follow                      Stay. [default: true]
        -q, --quiet                       Say little.
            --interval DURATION           Pause. [default: 1m]
            --ring-size SIZE              Room for records. [default: 8Mi]

      Options other than --follow can also be set in the environment: --export-filename is
      GANDER_EXPORT_FILENAME.

      Examples:
        gander run --policies .
      "
    `);
  });

  it("gives the same as a table", () => {
    expect(configuration.markdown()).toContain(
      "| `--ring-size SIZE` | `GANDER_RING_SIZE` | `8Mi` | Room for records. |",
    );
  });
});
