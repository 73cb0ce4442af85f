// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { GanderError } from "./gander-error.ts";
import { createLogger } from "./logger.ts";

function collect(level: "debug" | "info" = "info") {
  const lines: string[] = [];
  const now = () => new Date(0);
  return { lines, logger: createLogger({ level, write: (line) => void lines.push(line), now }) };
}

describe("createLogger", () => {
  it("writes one JSON object a line", () => {
    const { lines, logger } = collect();
    logger.with({ policy: "a" }).info("Policy loaded", { hooks: 2, id: 7n });
    expect(lines).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"Policy loaded","policy":"a","hooks":2,"id":"7"}\n',
    ]);
  });

  it("writes text if asked to, a line each whatever fields hold", () => {
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger = createLogger({ write, now: () => new Date(0), format: "text" });
    logger.warn("Policy refused", { policy: "a\nb level=info", hooks: 2 });
    expect(lines).toEqual([
      '1970-01-01T00:00:00.000Z WARN Policy refused policy="a\\nb level=info" hooks=2\n',
    ]);
  });

  it("leaves out what is below its level", () => {
    const { lines, logger } = collect();
    logger.debug("quiet");
    expect(lines).toEqual([]);
  });

  it("asks for its level at each line", () => {
    const lines: string[] = [];
    let level: "debug" | "error" = "error";
    const write = (line: string) => void lines.push(line);
    const logger = createLogger({ level: () => level, write });
    logger.info("no");
    level = "debug";
    logger.info("yes");
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(["yes"]);
  });

  it("says code, hint and cause of an error", () => {
    const { lines, logger } = collect();
    const cause = new Error("EPERM");
    logger.error("Cannot start", {
      error: new GanderError("kernel-unsupported", "no BTF", { hint: "a newer kernel", cause }),
    });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      error: { code: "kernel-unsupported", hint: "a newer kernel", cause: { message: "EPERM" } },
    });
  });

  it("survives what cannot be serialised", () => {
    const { lines, logger } = collect();
    const loop: { self?: unknown } = {};
    loop.self = loop;
    logger.warn("Strange", { loop });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ message: "Strange" });
  });
});
