// SPDX-License-Identifier: Apache-2.0
// Runs in a guest: carries out the commands of the test that started it, one JSON line each.
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { GuestAnswer, GuestCommand } from "./guest.ts";

const [host = "", port = ""] = process.argv.slice(2);
const socket = connect({ host, port: Number(port) });
socket.on("close", () => process.exit());
for await (const line of createInterface({ input: socket })) {
  void carryOut(JSON.parse(line) as GuestCommand);
}

async function carryOut({ id, argv, env, input }: GuestCommand): Promise<void> {
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { env: { ...process.env, ...env } });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  child.stdin.on("error", () => undefined).end(input);
  const status = await new Promise<number>((resolve) => {
    child.once("error", (error) => {
      texts.stderr += String(error);
      resolve(127);
    });
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 128)));
  });
  const answer: GuestAnswer = { id, status, ...texts };
  socket.write(`${JSON.stringify(answer)}\n`);
}
