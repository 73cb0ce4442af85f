// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from "node:fs";
import { createOutside, isForbidden } from "../tests/lib/outside.ts";
import { runProgram } from "./lib/run-program.ts";
import { until } from "./lib/until.ts";
import { moreAddresses } from "./zones.ts";

/** The other side of all connections, and a record of what it has received. */
export interface Listeners extends AsyncDisposable {
  /** A port for a forbidden connection; it is reused after a while. */
  forbiddenPort(user: string): number;
  allowedPort(): number;
  hasSeen(port: number): boolean;
  /** Waits until this text has arrived; it ends with a full stop. */
  received(text: string, timeoutMs: number): Promise<boolean>;
  /** Lines about forbidden ports since the last call, with the last user of the port. */
  takeForbidden(): readonly string[];
}

/** Ports that createOutside() listens on. */
const forbiddenPorts = { first: 20_001, count: 400 };
const allowedPorts = { first: 20_401, count: 190 };

export async function createListeners(): Promise<Listeners> {
  const outside = await createOutside();
  for (const address of moreAddresses)
    await runProgram(["ip", "-n", "outside", "address", "add", `${address}/32`, "dev", "outside0"]);
  const reports = ["/run/gander-outside", "/run/gander-own-side"].map(tail);
  const users = new Map<number, string>();
  const texts = new Set<string>();
  const seenPorts = new Set<number>();
  let untold: string[] = [];
  let forbidden = 0;
  let allowed = 0;

  const read = () => {
    for (const line of reports.flatMap((report) => report())) {
      const [what, word = "", address = "", ...rest] = line.split(" ");
      const port = Number(word);
      if (port >= forbiddenPorts.first && port < forbiddenPorts.first + forbiddenPorts.count) {
        if (!isForbidden(address, moreAddresses)) continue;
        seenPorts.add(port);
        untold.push(`${line} (${users.get(port) ?? "nobody"})`);
      } else if (what === "received") {
        // Some deeds send it twice.
        texts.add(rest.join(" ").split(".")[0] ?? "");
      }
    }
  };
  return {
    forbiddenPort(user) {
      const port = forbiddenPorts.first + (forbidden++ % forbiddenPorts.count);
      users.set(port, user);
      seenPorts.delete(port);
      return port;
    },
    allowedPort: () => allowedPorts.first + (allowed++ % allowedPorts.count),
    hasSeen(port) {
      read();
      return seenPorts.has(port);
    },
    async received(text, timeoutMs) {
      const key = text.split(".")[0] ?? "";
      const arrived = await until(() => {
        read();
        return texts.has(key);
      }, timeoutMs);
      // Each text is requested once.
      texts.delete(key);
      return arrived === true;
    },
    takeForbidden() {
      read();
      const lines = untold;
      untold = [];
      return lines;
    },
    [Symbol.asyncDispose]: () => outside[Symbol.asyncDispose](),
  };
}

/** Returns the complete lines that were added to a file since the last call. */
function tail(path: string): () => string[] {
  const file = openSync(path, "r");
  const buffer = Buffer.alloc(1 << 16);
  let position = 0;
  let rest = "";
  process.once("exit", () => closeSync(file));
  return () => {
    for (let size = -1; size !== 0; position += size) {
      size = readSync(file, buffer, 0, buffer.length, position);
      rest += buffer.toString("latin1", 0, size);
    }
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    return lines;
  };
}
